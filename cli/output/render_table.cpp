#include "cli/output/render.hpp"
#include "cli/output/render_table_parts.hpp"
#include "relay/model/text.hpp"

namespace relay::cli {

namespace {

/// Appends a list, and a note that names the columns that did not fit.
void add_list(Rendered &rendered, ListText list) {
    rendered.text += list.text;
    std::string names;
    for (std::string const &label : list.left_out) {
        names += (names.empty() ? "" : ", ") + label;
    }
    if (!names.empty()) {
        rendered.notes.push_back("columns that do not fit: " + names + " (-o csv shows all)");
    }
}

/// Appends the lists inside a record below it, each under its label.
void add_inner_lists(Rendered &rendered, Record const &record, Reader const &reader) {
    for (Field const &field : record) {
        auto const *items = std::get_if<std::vector<Record>>(&field.value);
        if (items == nullptr || field.label.empty()) {
            continue;
        }
        rendered.text += '\n' + escape_for_terminal(field.label) + ":\n";
        add_list(rendered, items->empty() ? ListText{.text = "none\n"} : list_text(items->front(), *items, reader));
    }
}

Rendered render_for(Document const &document, Reader const &reader, std::optional<Screen> const &screen) {
    Rendered rendered;
    if (!document.is_list) {
        rendered.text = record_text(document.data, reader);
        std::string const drawn = screen && document.chart ? draw_chart(*document.chart, *screen) : "";
        rendered.text += drawn.empty() ? "" : '\n' + drawn;
        add_inner_lists(rendered, document.data, reader);
    } else {
        bool const described = !document.columns.empty() || document.items.empty();
        add_list(rendered, list_text(described ? document.columns : document.items.front(), document.items, reader));
    }
    return rendered;
}

}  // namespace

std::string render_table(Document const &document) { return render_for(document, {}, {}).text; }

Rendered render_screen(Document const &document, Screen const &screen) {
    if (document.is_list && document.items.empty()) {
        return {};  // no headers without rows: a note says that there is nothing
    }
    return render_for(document, {.columns = screen.columns, .now = document.at}, screen);
}

}  // namespace relay::cli
