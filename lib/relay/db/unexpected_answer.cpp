#include "relay/db/unexpected_answer.hpp"

#include "relay/model/text.hpp"

namespace relay::db {
namespace {

constexpr char const *cause =
    "another program answers at that address, a proxy interferes, or a view or function of the schema was changed";

}  // namespace

Error unexpected_answer(std::string_view what) {
    return {ErrorKind::schema,
            "the database gave an answer that this program does not expect: " + escape_for_terminal(what) +
                "; nothing was changed",
            {.why = cause, .next = advise(Act::show_connection).also(advise(Act::verify_schema))}};
}

Error endless_answer() {
    return {ErrorKind::unavailable,
            "the database sent far more than was asked for, so the connection was closed; nothing was changed",
            {.why = cause, .next = advise(Act::show_connection)}};
}

}  // namespace relay::db
