#include "cli/html/html.hpp"

#include "relay/model/text.hpp"

namespace relay::cli::html {

Html escape(std::string_view text) {
    Html escaped;
    for (char const c : escape_for_terminal(text)) {
        switch (c) {
            case '&': escaped.m_text += "&amp;"; break;
            case '<': escaped.m_text += "&lt;"; break;
            case '>': escaped.m_text += "&gt;"; break;
            case '"': escaped.m_text += "&quot;"; break;
            case '\'': escaped.m_text += "&#39;"; break;
            default: escaped.m_text += c;
        }
    }
    return escaped;
}

Html number(std::int64_t value) { return escape(std::to_string(value)); }

Html element(Html const &name, Attributes const &attributes, Html const &content) {
    Html made = "<" + name;
    for (Attribute const &attribute : attributes) {
        made += " " + attribute.name + "=\"" + attribute.value + "\"";
    }
    return made + ">" + content + "</" + name + ">";
}

namespace {

constexpr std::size_t day_length = 10;  // YYYY-MM-DDTHH:MM:SSZ

Html moment(std::string const &machine, std::string_view people) {
    return element("time", {{"datetime", escape(machine)}}, escape(people));
}

}  // namespace

Html time(Instant at) {
    std::string const text = format_instant_seconds(at);
    return moment(text, text.substr(0, day_length) + ' ' + text.substr(day_length + 1, 5) + " UTC");
}

Html day(Instant at) {
    std::string const text = format_instant_seconds(at);
    return moment(text, std::string_view(text).substr(0, day_length));
}

}  // namespace relay::cli::html
