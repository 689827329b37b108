#include "relay/naming/name_database.hpp"

#include "relay/model/text.hpp"
#include "relay/naming/database_name_sql.hpp"

namespace relay {
namespace {

DatabaseLabel wanted_label(NameDatabase const &request, DatabaseLabel const &before) {
    if (!request.name && !before.name) {
        throw Error(ErrorKind::conflict, "the database has no name yet; nothing was changed",
                    {.why = "the mark as production belongs to a name", .next = "give the name, too"});
    }
    return {.name = request.name ? request.name->text() : before.name,
            .production = request.production.value_or(before.production)};
}

void refuse_other_comment(std::optional<std::string> const &comment, DatabaseLabel const &before) {
    if (comment && !before.name) {
        throw Error(ErrorKind::conflict,
                    "schema relay has a comment that is not the name of a database: " + quote_for_message(*comment) +
                        "; nothing was changed",
                    {.why = "the name of the database is kept in the comment of schema relay",
                     .next = "keep the text elsewhere, then remove it: COMMENT ON SCHEMA relay IS NULL"});
    }
}

}  // namespace

NamedDatabase name_database(db::Database &database, NameDatabase const &request, WriteOptions const &options) {
    return database.transact(writing(options), [&](db::Transaction &transaction) {
        auto const comment = sql::schema_comment(transaction);
        DatabaseLabel const before = read_label(comment);
        refuse_other_comment(comment, before);
        NamedDatabase result{{}, wanted_label(request, before), before};
        result.changed = result.label != before;
        note_who(result, transaction);
        if (!result.changed) {
            transaction.nothing_to_do();
            return result;
        }
        sql::name_database(transaction, result.label, options.by);
        transaction.confirm(read_label(sql::schema_comment(transaction)) == result.label, "the name of the database");
        return result;
    });
}

NamedDatabase read_database_name(db::Database &database) {
    db::TransactOptions options = reading();
    options.check_schema = false;
    NamedDatabase result;
    database.transact(options, [&](db::Transaction &transaction) { note_who(result, transaction); });
    result.label = database.label().value_or(DatabaseLabel());
    result.before = result.label;
    return result;
}

}  // namespace relay
