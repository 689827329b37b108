#pragma once

#include "cli/context.hpp"
#include "cli/documents/fields.hpp"
#include "cli/output/document.hpp"
#include "relay/model/page.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Output of the commands that only read, through a pager if it is long: a page of a list, or one record in full.
namespace relay::cli {

/// Returns a list. `row` makes an item of each record; `sample` gives the columns, because the list may be empty.
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

/// Stamps a document that was read at `at` by `db_role`, and shows it.
void browse(Context &context, Document document, Instant at, std::string const &db_role);

/// Shows a page of a list, with the cursor of the next page.
template <typename T, typename Row>
void browse_page(Context &context, std::string_view kind, std::string_view id_key, Page<T> const &page, Row const &row,
                 T const &sample) {
    Document document = list_document(kind, id_key, page.items, row, sample);
    document.next = page.next;
    browse(context, std::move(document), page.at, page.db_role);
}

}  // namespace relay::cli
