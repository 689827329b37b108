#include "cli/output/list_renderer.hpp"
#include "cli/output/render.hpp"
#include "cli/output/render_table_parts.hpp"
#include "relay/model/text.hpp"

namespace relay::cli {

namespace {

/// Appends the lists inside a record below it, each under its label.
void add_inner_lists(Rendered &rendered, Record const &record, Reader const &reader) {
    for (Field const &field : record) {
        auto const *items = std::get_if<std::vector<Record>>(&field.value);
        if (items == nullptr || field.label.empty()) {
            continue;
        }
        rendered.text += '\n' + escape_for_terminal(field.label) + ":\n";
        if (items->empty()) {
            rendered.text += "none\n";
            continue;
        }
        Table table(items->front(), *items, reader);
        rendered.text += table.header();
        for (Record const &item : *items) {
            table.add(item, rendered.text);
        }
        for (std::string &note : table.notes()) {
            rendered.notes.push_back(std::move(note));
        }
    }
}

Rendered render_record(Document const &document, Reader const &reader, std::optional<Screen> const &screen) {
    Rendered rendered{.text = record_text(document.data, reader)};
    std::string const drawn = screen && document.chart ? draw_chart(*document.chart, *screen) : "";
    rendered.text += drawn.empty() ? "" : '\n' + drawn;
    add_inner_lists(rendered, document.data, reader);
    return rendered;
}

Reader reader_at(std::optional<Screen> const &screen, Document const &document) {
    return screen ? Reader{.columns = screen->columns, .now = document.at} : Reader{};
}

class TableList : public ListRenderer {
  public:
    explicit TableList(std::optional<Screen> const &screen) : m_screen(screen) {}

    std::string begin(Document const &first) override {
        if (m_screen && first.items.empty()) {
            return "";  // no headers without rows: a note says that there is nothing
        }
        bool const is_described = !first.columns.empty() || first.items.empty();
        m_table = std::make_unique<Table>(is_described ? first.columns : first.items.front(), first.items,
                                          reader_at(m_screen, first));
        return m_table->header();
    }
    void add(Record const &item, std::string &text) override { m_table->add(item, text); }
    std::vector<std::string> notes() const override { return m_table ? m_table->notes() : std::vector<std::string>(); }

  private:
    std::optional<Screen> m_screen;
    std::unique_ptr<Table> m_table{};
};

Rendered render_for(Document const &document, std::optional<Screen> const &screen) {
    return document.is_list ? render_list(*make_table(screen), document)
                            : render_record(document, reader_at(screen, document), screen);
}

}  // namespace

std::string render_table(Document const &document) { return render_for(document, {}).text; }

Rendered render_screen(Document const &document, Screen const &screen) { return render_for(document, screen); }

std::unique_ptr<ListRenderer> make_table(std::optional<Screen> const &screen) {
    return std::make_unique<TableList>(screen);
}

}  // namespace relay::cli
