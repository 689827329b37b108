#pragma once

#include "cli/command_line/shared_flags.hpp"
#include "cli/context.hpp"
#include "cli/documents/field_choice.hpp"
#include "cli/documents/fields.hpp"
#include "cli/output/document.hpp"
#include "cli/output/list_output.hpp"
#include "relay/model/page.hpp"

#include <exception>
#include <string_view>
#include <utility>

/// Output of the commands that only read, through a pager if it is long: a list, or one record in full.
namespace relay::cli {

/// Stamps a document that was read at `at` by `db_role`, and shows it.
void browse(Context &context, Document document, Instant at, std::string const &db_role);

/// Ends a list that was read to its end.
void finish_list(Context &context, ListOutput &output, ListEnd const &end);
/// Rethrows what ended the reading of a list; an Error says if a part of the list was written.
[[noreturn]] void fail_list(ListOutput const &output, std::exception_ptr failure);

/// Shows a list while it is read. `row` makes an item of each T; `sample` gives the columns, because the list may be
/// empty; `read` gets an EachItem<T>, and returns the ListEnd. `warnings` are about the whole list.
template <typename T, typename Row, typename Read>
void browse_list(Context &context, ViewOptions const &view, std::string_view kind, std::string_view id_key,
                 T const &sample, Row const &row, Read const &read, std::vector<std::string> warnings = {}) {
    FieldChoice const choice(view.fields, row(sample), context.globals().format);
    ListOutput output(context.output(), {.kind = std::string(kind),
                                         .id_key = std::string(id_key),
                                         .is_list = true,
                                         .columns = blank(choice.of(row(sample))),
                                         .warnings = std::move(warnings)});
    EachItem<T> const each = [&](T const &item, ReadStamp const &stamp) {
        output.list().at = stamp.at;
        output.add(choice.of(row(item)));
    };
    try {
        finish_list(context, output, read(each));
    } catch (...) {
        fail_list(output, std::current_exception());
    }
}

}  // namespace relay::cli
