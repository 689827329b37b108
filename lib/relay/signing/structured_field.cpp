#include "relay/signing/structured_field.hpp"

#include "relay/crypto/base64.hpp"
#include "relay/model/ascii.hpp"

#include <algorithm>
#include <charconv>

namespace relay::signing {
namespace {

constexpr std::size_t most_digits = 15;
constexpr std::size_t most_decimal = 16;  // digits and the point

constexpr bool is_printable(char c) { return c >= ' ' && c <= '~'; }

bool begins_key(char c) { return is_lower(c) || c == '*'; }
bool continues_key(char c) {
    return is_lower(c) || is_digit(c) || std::string_view("_-.*").find(c) != std::string_view::npos;
}
bool continues_token(char c) {
    return is_letter_or_digit(c) || std::string_view("!#$%&'*+-.^_`|~:/").find(c) != std::string_view::npos;
}

/// Reads from the front of a text. Each `read_` function returns none at the first byte that does not fit.
class Reader {
  public:
    explicit Reader(std::string_view text) : m_rest(text) {}

    std::optional<SfDictionary> read_dictionary() {
        SfDictionary members;
        skip(" ");
        while (!m_rest.empty()) {
            auto const key = read_key();
            if (!key || signing::find(members, *key) != nullptr) {
                return std::nullopt;
            }
            auto member = read_member();
            if (!member) {
                return std::nullopt;
            }
            members.emplace_back(*key, *std::move(member));
            skip(" \t");
            if (m_rest.empty()) {
                break;
            }
            if (!take(',')) {
                return std::nullopt;
            }
            skip(" \t");
            if (m_rest.empty()) {
                return std::nullopt;  // a comma at the end
            }
        }
        return members;
    }

  private:
    char front() const { return m_rest.empty() ? '\0' : m_rest.front(); }
    bool take(char c) {
        if (front() != c || m_rest.empty()) {
            return false;
        }
        m_rest.remove_prefix(1);
        return true;
    }
    void skip(std::string_view blanks) {
        m_rest.remove_prefix(std::min(m_rest.find_first_not_of(blanks), m_rest.size()));
    }
    template <typename Continues>
    std::string take_while(Continues const &continues) {
        auto const end = std::find_if_not(m_rest.begin(), m_rest.end(), continues);
        std::string const taken(m_rest.begin(), end);
        m_rest.remove_prefix(taken.size());
        return taken;
    }

    std::optional<std::string> read_key() {
        return begins_key(front()) ? std::optional(take_while(continues_key)) : std::nullopt;
    }

    /// A member without a value is true, with parameters.
    std::optional<SfMember> read_member() {
        if (!take('=')) {
            auto parameters = read_parameters();
            return parameters ? std::optional<SfMember>(SfItem{true, *std::move(parameters)}) : std::nullopt;
        }
        if (front() == '(') {
            auto list = read_inner_list();
            return list ? std::optional<SfMember>(*std::move(list)) : std::nullopt;
        }
        auto item = read_item();
        return item ? std::optional<SfMember>(*std::move(item)) : std::nullopt;
    }

    std::optional<SfInnerList> read_inner_list() {
        SfInnerList list;
        take('(');
        while (true) {
            skip(" ");
            if (take(')')) {
                break;
            }
            auto item = read_item();
            if (!item || (front() != ' ' && front() != ')')) {
                return std::nullopt;
            }
            list.items.push_back(*std::move(item));
        }
        auto parameters = read_parameters();
        if (!parameters) {
            return std::nullopt;
        }
        list.parameters = *std::move(parameters);
        return list;
    }

    std::optional<SfItem> read_item() {
        auto value = read_value();
        auto parameters = value ? read_parameters() : std::nullopt;
        return parameters ? std::optional(SfItem{*std::move(value), *std::move(parameters)}) : std::nullopt;
    }

    std::optional<SfParameters> read_parameters() {
        SfParameters parameters;
        while (take(';')) {
            skip(" ");
            auto const key = read_key();
            if (!key || std::any_of(parameters.begin(), parameters.end(),
                                    [&](auto const &known) { return known.first == *key; })) {
                return std::nullopt;
            }
            auto value = take('=') ? read_value() : std::optional<SfValue>(true);
            if (!value) {
                return std::nullopt;
            }
            parameters.emplace_back(*key, *std::move(value));
        }
        return parameters;
    }

    std::optional<SfValue> read_value() {
        if (front() == '"') {
            return read_string();
        }
        if (front() == ':') {
            return read_bytes();
        }
        if (front() == '?') {
            take('?');
            return take('1') ? std::optional<SfValue>(true)
                             : (take('0') ? std::optional<SfValue>(false) : std::nullopt);
        }
        if (front() == '-' || is_digit(front())) {
            return read_number();
        }
        if (is_letter(front()) || front() == '*') {
            return SfToken{take_while(continues_token)};
        }
        return std::nullopt;
    }

    std::optional<SfValue> read_number() {
        std::string text = take('-') ? "-" : "";
        std::string const whole = take_while(is_digit);
        if (whole.empty() || whole.size() > most_digits) {
            return std::nullopt;
        }
        text += whole;
        if (take('.')) {
            std::string const fraction = take_while(is_digit);
            bool const fits = !fraction.empty() && fraction.size() <= 3 && whole.size() + 1 + 3 <= most_decimal;
            return fits ? std::optional<SfValue>(SfDecimal{text + '.' + fraction}) : std::nullopt;
        }
        std::int64_t number = 0;
        std::from_chars(text.data(), text.data() + text.size(), number);
        return number;
    }

    std::optional<SfValue> read_string() {
        std::string text;
        take('"');
        while (!take('"')) {
            bool const is_escaped = take('\\');
            if (!is_printable(front()) || (is_escaped && front() != '"' && front() != '\\')) {
                return std::nullopt;
            }
            text += front();
            m_rest.remove_prefix(1);
        }
        return text;
    }

    std::optional<SfValue> read_bytes() {
        take(':');
        std::size_t const end = m_rest.find(':');
        if (end == std::string_view::npos) {
            return std::nullopt;
        }
        auto bytes = from_base64(m_rest.substr(0, end));
        m_rest.remove_prefix(end + 1);
        return bytes ? std::optional<SfValue>(SfBytes{*std::move(bytes)}) : std::nullopt;
    }

    std::string_view m_rest;
};

std::string quote(std::string const &text) {
    std::string quoted = "\"";
    for (char const c : text) {
        quoted += c == '"' || c == '\\' ? std::string("\\") + c : std::string(1, c);
    }
    return quoted + '"';
}

struct Writer {
    std::string operator()(std::int64_t number) const { return std::to_string(number); }
    std::string operator()(SfDecimal const &decimal) const { return decimal.text; }
    std::string operator()(std::string const &text) const { return quote(text); }
    std::string operator()(SfToken const &token) const { return token.text; }
    std::string operator()(SfBytes const &bytes) const { return ':' + to_base64(bytes.bytes) + ':'; }
    std::string operator()(bool is_true) const { return is_true ? "?1" : "?0"; }
};

std::string write(SfParameters const &parameters) {
    std::string text;
    for (auto const &[key, value] : parameters) {
        text += ';' + key;
        bool const *const is_true = std::get_if<bool>(&value);
        if (is_true == nullptr || !*is_true) {
            text += '=' + std::visit(Writer{}, value);
        }
    }
    return text;
}

}  // namespace

std::optional<SfDictionary> parse_dictionary(std::string_view text) { return Reader(text).read_dictionary(); }

std::string write(SfInnerList const &list) {
    std::string text = "(";
    for (SfItem const &item : list.items) {
        text += (text.size() > 1 ? " " : "") + std::visit(Writer{}, item.value) + write(item.parameters);
    }
    return text + ')' + write(list.parameters);
}

SfMember const *find(SfDictionary const &dictionary, std::string_view key) {
    auto const found =
        std::find_if(dictionary.begin(), dictionary.end(), [&](auto const &member) { return member.first == key; });
    return found == dictionary.end() ? nullptr : &found->second;
}

}  // namespace relay::signing
