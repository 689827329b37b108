#include "cli/docgen/man_parts.hpp"

#include "cli/docgen/mdoc.hpp"
#include "cli/docgen/shell_line.hpp"

#include <algorithm>

namespace relay::cli::docgen {

std::string in_capitals(std::string text) {
    for (char &letter : text) {
        letter = 'a' <= letter && letter <= 'z' ? static_cast<char>(letter - 'a' + 'A') : letter;
    }
    return text;
}

namespace {

/// The date of the manual's first edition. mdoc needs a date, and the current one would change every page with every
/// build.
constexpr std::string_view manual_date = "November 22, 2026";

/// The width of an example, which is indented by 11 columns; a longer one continues on the next line.
constexpr std::size_t example_width = 66;

std::string as_sentence(std::string text) {
    return in_capitals(text.substr(0, 1)) + text.substr(std::min<std::size_t>(1, text.size())) + ':';
}

/// Returns the rows if each line is "  word    what it means"; otherwise none.
std::vector<std::pair<std::string_view, std::string_view>> two_columns(std::string_view lines) {
    std::vector<std::pair<std::string_view, std::string_view>> rows;
    while (!lines.empty()) {
        std::string_view line = lines.substr(0, lines.find('\n'));
        lines.remove_prefix(std::min(line.size() + 1, lines.size()));
        line.remove_prefix(line.find_first_not_of(' '));
        std::size_t const gap = line.find("  ");
        if (gap == line.npos) {
            return {};
        }
        rows.emplace_back(line.substr(0, gap), line.substr(line.find_first_not_of(' ', gap)));
    }
    return rows;
}

std::string kept_lines(std::string_view lines) {
    std::vector<ListItem> items;
    std::string_view widest;
    for (auto const &[word, meaning] : two_columns(lines)) {
        items.push_back({"Ic " + argument(word), prose(meaning)});
        widest = word.size() > widest.size() ? word : widest;
    }
    return items.empty() ? verbatim(lines) : tagged_list(items, widest);
}

std::string value_of(OptionModel const &option) {
    if (option.choices.empty()) {
        return "Ar " + argument(option.value);
    }
    return "Cm " + argument(option.value);  // one word: groff does not break a line inside of `.Op`
}

std::string option_list(std::vector<OptionModel> const &options, std::string_view heading) {
    std::vector<ListItem> items;
    for (OptionModel const &option : options) {
        if (option.heading == heading) {
            items.push_back({names_and_value(option), prose(option.full_description())});
        }
    }
    return tagged_list(items);
}

}  // namespace

std::string page_head(std::vector<std::string> const &names, std::string_view summary) {
    std::string page =
        ".\\\" Made from the command table by relay-admin-docgen; to change it, change the command and build "
        "update-docs.\n";
    page +=
        ".Dd " + std::string(manual_date) + "\n.Dt " + in_capitals(names.front()) + " 1\n.Os relay\\-admin\n.Sh NAME\n";
    for (std::string const &name : names) {
        page += ".Nm " + escape(name) + (&name == &names.back() ? "\n" : " ,\n");
    }
    return page + ".Nd " + escape(summary) + '\n';
}

std::string paragraphs(std::vector<ManualText::Block> const &blocks) {
    std::string body;
    for (ManualText::Block const &block : blocks) {
        body += body.empty() || block.verbatim ? "" : ".Pp\n";  // verbatim lines already begin with a gap
        body += block.verbatim ? kept_lines(block.text) : prose(block.text);
    }
    return body;
}

std::string option_lists(std::vector<OptionModel> const &options) {
    // Arguments need no heading, because they look different from flags; nor do flags that have no heading but "Flags".
    std::vector<std::string> headings{"Arguments", "Flags"};
    for (OptionModel const &option : options) {
        if (std::find(headings.begin(), headings.end(), option.heading) == headings.end()) {
            headings.push_back(option.heading);
        }
    }
    std::string page;
    for (std::string const &heading : headings) {
        std::string const list = option_list(options, heading);
        bool const plain = heading == "Arguments" || heading == "Flags";
        page += list.empty() || plain ? list : ".Ss " + escape(heading) + '\n' + list;
    }
    return page;
}

std::string names_and_value(OptionModel const &option, std::string_view between_names) {
    if (option.is_argument()) {
        return value_of(option) + (option.repeatable ? " ..." : "");
    }
    std::string line;
    for (std::string const &name : option.names) {
        line += (line.empty() ? "" : std::string(between_names)) + "Fl " + flag(name);
    }
    return line + (option.takes_value() ? ' ' + value_of(option) : "");
}

std::string tagged_list(std::vector<ListItem> const &items, std::string_view width) {
    if (items.empty()) {
        return "";
    }
    std::string list =
        ".Bl -tag -width " + (width.empty() ? "Ds" : argument(width)) + (width.empty() ? "\n" : " -compact\n");
    for (ListItem const &item : items) {
        list += ".It " + item.name + '\n' + item.text;
    }
    return list + ".El\n";
}

std::string examples(std::vector<ManualText::Example> const &examples) {
    std::string body;
    for (ManualText::Example const &example : examples) {
        body += example.comment.empty() ? "" : (body.empty() ? "" : ".Pp\n") + prose(as_sentence(example.comment));
        body += verbatim(break_shell_line(example.command, example_width));
    }
    return section("EXAMPLES", body);
}

std::string cross_references(std::vector<std::string> pages) {
    auto const by_section = [](std::string const &page) { return std::pair(page.ends_with("(7)"), page); };
    std::sort(pages.begin(), pages.end(),
              [&](std::string const &a, std::string const &b) { return by_section(a) < by_section(b); });
    pages.erase(std::unique(pages.begin(), pages.end()), pages.end());
    std::string body;
    for (std::string const &page : pages) {
        std::size_t const end = page.find('(');
        body += ".Xr " + escape(page.substr(0, end)) + ' ' + (end == std::string::npos ? "1" : page.substr(end + 1, 1));
        body += &page == &pages.back() ? "\n" : " ,\n";
    }
    return body;
}

}  // namespace relay::cli::docgen
