#include "cli/output/list_output.hpp"

#include "cli/output/output.hpp"

namespace relay::cli {

namespace {

constexpr std::size_t most_first_items = 1000;
constexpr std::size_t piece_size = 32U << 10U;

}  // namespace

ListOutput::ListOutput(Output &output, Document list, Of of) : m_output(output), m_list(std::move(list)), m_of(of) {}

void ListOutput::add(Record item) {
    if (!m_renderer && m_list.items.size() < most_first_items) {
        m_list.items.push_back(std::move(item));
        return;
    }
    if (!m_renderer) {
        start();
    }
    m_renderer->add(item, m_text);
    if (m_text.size() >= piece_size) {
        write();
    }
}

void ListOutput::add_line(std::string_view line) {
    m_renderer->add_line(line, m_text);
    if (m_text.size() >= piece_size) {
        write();
    }
}

void ListOutput::start() {
    m_stream = m_output.long_text(m_of == Of::reading);
    m_renderer = m_output.list_renderer();
    m_text = m_renderer->begin(m_list);
    for (Record const &item : m_list.items) {
        m_renderer->add(item, m_text);
    }
    m_list.items = {};
}

void ListOutput::write() {
    m_has_written = true;
    m_stream->write(m_text);
    m_text.clear();
}

void ListOutput::finish() {
    if (!m_renderer) {
        return m_of == Of::reading ? m_output.browse(m_list) : m_output.show(m_list);
    }
    m_text += m_renderer->end(m_list, m_output.database());
    write();
    m_stream->finish();
    m_output.conclude(m_list, m_renderer->notes());
}

}  // namespace relay::cli
