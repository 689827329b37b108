#pragma once

#include "relay/model/error.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <utility>

namespace relay {

/// True if the database refused what a transaction was about to write, and others may do: a poisoned row, not a lost server.
inline bool is_refusal_of_rows(Error const &error) {
    return !error.hint().sqlstate.empty() && error.hint().changed == Changed::no &&
           (error.kind() == ErrorKind::conflict || error.kind() == ErrorKind::internal);
}

/// `error`, thrown by a batch when `done` things were committed by the batches before it.
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

/// Runs `work` on all of `rows`; if the database refuses them, on each half, and so on, until the rows that it refuses are alone: those are
/// handed to `fail`. Every other error is thrown on. An empty span runs nothing.
template <typename Row, typename Work, typename Fail>
void run_in_parts(std::span<Row const> rows, Work const &work, Fail const &fail) {
    if (rows.empty()) {
        return;
    }
    try {
        work(rows);
        return;
    } catch (Error const &error) {
        if (!is_refusal_of_rows(error)) {
            throw;
        }
        if (rows.size() == 1) {
            fail(rows.front(), error);
            return;
        }
    }
    std::size_t const half = rows.size() / 2;
    run_in_parts(rows.first(half), work, fail);
    run_in_parts(rows.subspan(half), work, fail);
}

}  // namespace relay
