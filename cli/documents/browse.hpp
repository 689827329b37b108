#pragma once

#include "cli/context.hpp"
#include "cli/documents/fields.hpp"
#include "cli/output/document.hpp"
#include "relay/model/page.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What the commands that only read show, through a pager where it is too long: a page of a list, and one thing in
/// full.
namespace relay::cli {

/// A list: `row` makes an item of what was found, and the columns of `sample`, since there may be nothing.
template <typename T, typename Row>
Document list_document(std::string_view kind, std::string_view id_key, std::vector<T> const &found, Row const &row,
                       T const &sample) {
    Document document{.kind = std::string(kind), .id_key = std::string(id_key), .is_list = true};
    for (T const &one : found) {
        document.items.push_back(row(one));
    }
    document.columns = blank(row(sample));
    return document;
}

/// Stamps what was read at `at` by `db_role`, and shows it.
void browse(Context &context, Document document, Instant at, std::string const &db_role);

/// A page of a list, with the cursor of the next one.
template <typename T, typename Row>
void browse_page(Context &context, std::string_view kind, std::string_view id_key, Page<T> const &page, Row const &row,
                 T const &sample) {
    Document document = list_document(kind, id_key, page.items, row, sample);
    document.next = page.next;
    browse(context, std::move(document), page.at, page.db_role);
}

}  // namespace relay::cli
