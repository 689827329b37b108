#pragma once

#include "cli/output/document.hpp"
#include "cli/output/list_renderer.hpp"
#include "cli/output/long_text.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace relay::cli {

class Output;

/// Shows a list while it arrives, in memory that does not depend on its length.
///
/// Nothing is written before 1,000 items are there, because they give a table its widths: so a list that is shorter, or
/// that fails before that, is shown completely or not at all.
class ListOutput {
  public:
    /// What the list is of: what was read, which may go through a pager, or what a command has done, which goes to stdout as
    /// it happens.
    enum class Of { reading, changes };
    ListOutput(Output &output, Document list, Of of = Of::reading);

    /// The list without its items. Stamp it before finish().
    Document &list() { return m_list; }
    /// Throws as Output::show does.
    void add(Record item);
    /// Returns true once the first items are written: from then on, an item may be added as a line of the format.
    bool takes_lines() const { return m_renderer != nullptr; }
    void add_line(std::string_view line);
    /// Writes what comes after the items, and what people should know.
    void finish();
    /// Returns true if a part of the list was written: without finish(), it is not complete.
    bool has_written() const { return m_has_written; }

  private:
    void start();
    void write();

    Output &m_output;
    Document m_list;
    Of m_of;
    std::unique_ptr<ListRenderer> m_renderer{};  // none: the items are kept
    std::unique_ptr<LongText> m_stream{};
    std::string m_text{};
    bool m_has_written = false;
};

}  // namespace relay::cli
