#include "cli/json/json_value.hpp"

#include "cli/json/json.hpp"

#include <nlohmann/json.hpp>

namespace relay::cli {
namespace {

using ParsedJson = nlohmann::json;
using Kind = JsonValue::Kind;

/// Builds the value. The library parses without recursion; only what is not too deep is built.
class Builder final : public nlohmann::json_sax<ParsedJson> {
  public:
    JsonValue root{};
    std::string fault{};

    bool null() override { return add({}); }
    bool boolean(bool truth) override { return add({.kind = Kind::boolean, .truth = truth}); }
    bool number_integer(number_integer_t number) override { return add_number(std::to_string(number)); }
    bool number_unsigned(number_unsigned_t number) override { return add_number(std::to_string(number)); }
    bool number_float(number_float_t, string_t const &written) override { return add_number(written); }
    bool string(string_t &text) override { return add({.kind = Kind::text, .text = std::move(text)}); }
    bool binary(binary_t &) override { return false; }
    bool start_object(std::size_t) override { return open(Kind::object); }
    bool start_array(std::size_t) override { return open(Kind::list); }
    bool end_object() override { return close(); }
    bool end_array() override { return close(); }

    bool key(string_t &name) override {
        m_name = std::move(name);
        bool const is_new = !m_open.back()->members.contains(m_name);
        fault = is_new ? "" : "it has a name twice";
        return is_new;
    }

    bool parse_error(std::size_t position, std::string const &, nlohmann::detail::exception const &error) override {
        constexpr int number_overflow = 406;
        fault = error.id == number_overflow ? "it has a number that does not fit a double"
                                            : "it is not JSON (byte " + std::to_string(position) + ")";
        return false;
    }

  private:
    bool add_number(std::string written) { return add({.kind = Kind::number, .text = std::move(written)}); }

    JsonValue &put(JsonValue value) {
        if (m_open.empty()) {
            return root = std::move(value);
        }
        JsonValue &parent = *m_open.back();
        if (parent.is(Kind::list)) {
            return parent.items.emplace_back(std::move(value));
        }
        return parent.members[m_name] = std::move(value);
    }

    bool add(JsonValue value) {
        put(std::move(value));
        return true;
    }

    bool open(Kind kind) {
        if (m_open.size() == most_json_levels) {
            fault = "it is nested deeper than " + std::to_string(most_json_levels) + " levels";
            return false;
        }
        m_open.push_back(&put({.kind = kind}));
        return true;
    }

    bool close() {
        m_open.pop_back();
        return true;
    }

    std::vector<JsonValue *> m_open{};  // a list that is open does not grow, so these stay valid
    std::string m_name{};
};

}  // namespace

ReadJsonValue read_json_value(std::string_view text) {
    Builder builder;
    if (ParsedJson::sax_parse(text, &builder)) {
        return {.value = std::move(builder.root)};
    }
    return {.fault = builder.fault};
}

}  // namespace relay::cli
