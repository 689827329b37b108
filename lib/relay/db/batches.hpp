#pragma once

#include "relay/db/sqlstate.hpp"
#include "relay/model/error.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <utility>

namespace relay {

/// Returns true if the database refused what a transaction wanted to write, so that other rows may succeed: a bad
/// row, not a lost server.
inline bool is_refusal_of_rows(Error const &error) {
    return error.hint().changed == Changed::no && db::refuses_rows(error.hint().sqlstate);
}

/// Returns `error` with a note that earlier batches had committed `done` items (`what`: "keys were issued").
inline Error after_earlier_batches(Error const &error, std::size_t done, std::string const &what) {
    if (done == 0) {
        return error;
    }
    Hint hint = error.hint();
    hint.changed = hint.changed == Changed::no ? Changed::partly : hint.changed;
    hint.next = Advice("run the same command again: it continues where it stopped").also(std::move(hint.next));
    return {error.kind(), error.message() + " (in this batch; " + std::to_string(done) + ' ' + what + " before it)",
            hint};
}

/// Runs `work` on all of `rows`. If that fails because of some of them, as `is_about_rows` says, runs it on each half, and so
/// on, until each of these is alone, and passes that row to `fail`. Any other error is thrown. Does nothing for an empty
/// span.
template <typename Row, typename Work, typename Fail>
void run_in_parts(std::span<Row const> rows, Work const &work, Fail const &fail,
                  bool (*is_about_rows)(Error const &) = is_refusal_of_rows) {
    if (rows.empty()) {
        return;
    }
    try {
        work(rows);
        return;
    } catch (Error const &error) {
        if (!is_about_rows(error)) {
            throw;
        }
        if (rows.size() == 1) {
            fail(rows.front(), error);
            return;
        }
    }
    std::size_t const half = rows.size() / 2;
    run_in_parts(rows.first(half), work, fail, is_about_rows);
    run_in_parts(rows.subspan(half), work, fail, is_about_rows);
}

}  // namespace relay
