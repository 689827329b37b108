#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

/// The options of a command as plain data: the single source for help, man pages, completion and parsing.
///
/// Commands declare their options here, not in the parser library. So code that needs to know what a command takes
/// reads a vector, and only one file depends on the library (cli11_parser.cpp).
namespace relay::cli {

/// A flag or an argument.
struct OptionModel {
    std::vector<std::string> names{};  ///< "-o", "--output": short ones first; empty for an argument
    std::string value{};  ///< shown for the value: "FILE", "table|json", an argument's "AGENT"; empty for a bare flag
    std::string type{};  ///< the type of the value, usually the same as `value`; completion depends on it
    std::vector<std::string> choices{};  ///< the words allowed as the value, if only some are: "table", "json"
    std::string description{};
    std::string heading{};  ///< "Flags", "Arguments", "Secret", ...
    bool required = false;
    bool repeatable = false;

    bool is_argument() const { return names.empty(); }
    bool takes_value() const { return !value.empty(); }
    bool has_name(std::string_view name) const;
    /// Returns the description, and adds whether a flag is required or may be repeated, which the usage line does not
    /// show.
    std::string full_description() const;
    /// Returns the first long name ("--output"), or the short one if there is none; for an argument "AGENT".
    std::string const &canonical_name() const;
};

/// The options of one command, or the global flags of the program, in the order of their declaration. Each has a
/// target: a function that takes one value from the command line at a time; for a bare flag, the empty text.
class OptionSet {
  public:
    using Take = std::function<void(std::string const &value)>;

    void add(OptionModel option, Take take);

    std::vector<OptionModel> const &options() const { return m_options; }
    /// Gives `value` to the target of options()[index]. Throws what the target throws: Error (usage) for a bad value.
    void take(std::size_t index, std::string const &value) const { m_targets[index](value); }

  private:
    std::vector<OptionModel> m_options{};
    std::vector<Take> m_targets{};
};

}  // namespace relay::cli
