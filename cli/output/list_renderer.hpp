#pragma once

#include "cli/context.hpp"
#include "cli/output/document.hpp"
#include "cli/output/render.hpp"
#include "cli/output/screen.hpp"
#include "relay/model/database_label.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// A list as text, item by item, so that it may be of any length.
namespace relay::cli {

class ListRenderer {
  public:
    virtual ~ListRenderer() = default;
    /// Returns what comes before the items. `first` has the first items, from which a table takes its widths; they are
    /// added like all others.
    virtual std::string begin(Document const &first) = 0;
    /// Appends an item to `text`.
    virtual void add(Record const &item, std::string &text) = 0;
    /// Appends an item that is a line of the format already.
    virtual void add_line(std::string_view line, std::string &text) { text += line; }
    /// Returns what comes after the items. `list` has what is known of the whole list; its items do not count.
    virtual std::string end(Document const &, std::optional<DatabaseLabel> const &) { return ""; }
    /// Returns what people should know about the rendering, for stderr.
    virtual std::vector<std::string> notes() const { return {}; }
};

/// Returns a list that is completely in memory.
Rendered render_list(ListRenderer &renderer, Document const &list, std::optional<DatabaseLabel> const &database = {});

/// `screen` is the terminal that the text goes to; none: a pipe or a file.
std::unique_ptr<ListRenderer> make_list_renderer(OutputFormat format, std::optional<Screen> const &screen);

/// The same for one format.
std::unique_ptr<ListRenderer> make_csv_list();
std::unique_ptr<ListRenderer> make_json_list(bool indented);
std::unique_ptr<ListRenderer> make_json_lines();
/// The times are shown as far from `at` of the document if there is a screen.
std::unique_ptr<ListRenderer> make_table(std::optional<Screen> const &screen);

}  // namespace relay::cli
