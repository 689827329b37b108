#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

/// The options of a command as plain data: the one source of the help, the man pages, Tab, and the reading of the command line.
///
/// Commands declare their options into this, not into the library that binds them. So whoever asks what a command takes reads a vector,
/// and only one file knows which library it is (cli11_parser.cpp).
namespace relay::cli {

/// A flag or an argument.
struct OptionModel {
    std::vector<std::string> names{};  ///< "-o", "--output": short ones first; empty for an argument
    std::string
        value{};  ///< what is shown for the value: "FILE", "table|json", an argument's "AGENT"; empty for a bare flag
    std::string type{};  ///< the type of the value, mostly the same as `value`: what Tab offers depends on it
    std::vector<std::string> choices{};  ///< the words of a value that is one of few: "table", "json"
    std::string description{};
    std::string heading{};  ///< "Flags", "Arguments", "Secret", ...
    bool required = false;
    bool repeatable = false;

    bool is_argument() const { return names.empty(); }
    bool takes_value() const { return !value.empty(); }
    bool has_name(std::string_view name) const;
    /// The description, and whether it is required or may be repeated, where the usage line does not show it.
    std::string full_description() const;
    /// "--output": the first long name, else the short one; an argument's "AGENT".
    std::string const &canonical_name() const;
};

/// The options of one command, or the global flags of the program, in the order of their declaration. Each has a target: a function that
/// is given a value from the command line, once for each value; for a bare flag, the empty text.
class OptionSet {
  public:
    using Take = std::function<void(std::string const &value)>;

    void add(OptionModel option, Take take);

    std::vector<OptionModel> const &options() const { return m_options; }
    /// Gives `value` to the target of options()[index]. Throws what the target throws: Error (usage) for a value that is not acceptable.
    void take(std::size_t index, std::string const &value) const { m_targets[index](value); }

  private:
    std::vector<OptionModel> m_options{};
    std::vector<Take> m_targets{};
};

}  // namespace relay::cli
