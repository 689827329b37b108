#include "relay/health/whoami.hpp"

#include "relay/health/whoami_sql.hpp"
#include "relay/schema/schema_sql.hpp"
#include "relay/version.hpp"

namespace relay {
namespace {

void read_schema(db::Transaction &transaction, WhoAmI &who) {
    who.known_schema_version = schema_version();
    if (!sql::may_read_schema_record(transaction)) {
        return;
    }
    SchemaStatus const status = sql::read_schema_status(transaction);
    who.schema_state = status.state;
    who.schema_version = status.version;
}

}  // namespace

WhoAmI who_am_i(db::Database &database) {
    WhoAmI who;
    db::TransactOptions options;
    options.read_only = true;
    options.check_schema = false;
    database.transact(options, [&](db::Transaction &transaction) {
        sql::ServerGreeting const server = sql::greet_server(transaction);
        who = WhoAmI();
        who.link = transaction.link();
        who.database = server.database;
        who.server_version = server.server_version;
        who.standby = server.standby;
        who.session_user = server.session_user;
        who.current_user = server.current_user;
        who.superuser = server.superuser;
        who.groups = sql::group_memberships(transaction);
        who.at = transaction.now();
        read_schema(transaction, who);
    });
    who.label = database.label().value_or(DatabaseLabel());
    return who;
}

}  // namespace relay
