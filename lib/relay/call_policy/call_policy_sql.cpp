#include "relay/call_policy/call_policy_sql.hpp"

#include "relay/db/list_text.hpp"

namespace relay::sql {
namespace {

constexpr auto in_force_sql = R"sql(
SELECT force.setting, force.value, force.strictness, COALESCE(force.scope_kind, 'preset') AS source, force.change_id, force.until,
       lasting.value AS lasting_value, lasting.strictness AS lasting_strictness
FROM relay.policy_in_force($1, $2) AS force
JOIN relay.policy_in_force($1, $2, only_lasting => true) AS lasting ON lasting.setting = force.setting
JOIN relay.policy_settings AS known ON known.setting = force.setting
ORDER BY known.words IS NOT NULL, force.setting)sql";

constexpr auto limits_sql = R"sql(
SELECT relay.agent_qps($1, $2) AS qps, array_to_string(relay.allowed_addresses($1, $2), ',') AS addresses,
       CASE WHEN EXISTS (SELECT FROM relay.limits AS l WHERE l.owner_kind = 'agent' AND l.owner_id = $2 AND l.meter = 'agent_qps') THEN 'agent'
            WHEN EXISTS (SELECT FROM relay.limits AS l WHERE l.owner_kind = 'org' AND l.owner_id = $1 AND l.meter = 'agent_qps') THEN 'org'
            WHEN relay.agent_qps($1, $2) IS NOT NULL THEN 'plan' ELSE 'preset' END AS qps_source,
       CASE WHEN EXISTS (SELECT FROM relay.call_policies AS p WHERE p.org_id = $1 AND p.agent_id = $2) THEN 'agent'
            WHEN EXISTS (SELECT FROM relay.call_policies AS p WHERE p.org_id = $1 AND p.agent_id IS NULL) THEN 'org'
            ELSE 'preset' END AS addresses_source)sql";

// Whether a scope says this already. A setting that ends is also recorded if it was made under another ticket: to undo that one must not
// end this one. $1: the kind of scope, $2, $3: its organization and agent, $4, $5: setting and value, $6 or $7: when it ends, or in how many
// seconds; $8: ticket.
constexpr auto said_sql = R"sql(
FROM (SELECT COALESCE($6::timestamptz, now() + make_interval(secs => $7)) AS at) AS ends
CROSS JOIN LATERAL (
    SELECT EXISTS (SELECT FROM relay.policy_said($2, $3) AS said
                   WHERE said.setting = $4 AND said.scope_kind = $1 AND said.value = $5
                     AND CASE WHEN ends.at IS NULL THEN said.lasts
                              ELSE said.until >= ends.at
                                   AND (SELECT c.ticket FROM relay.policy_changes AS c WHERE c.change_id = said.change_id)
                                       IS NOT DISTINCT FROM $8::text END) AS already) AS said)sql";

constexpr auto insert_sql = R"sql(
INSERT INTO relay.policy_changes (scope_kind, scope_id, org_id, setting, value, until, ticket, reason, actor)
SELECT $1, COALESCE($3, $2), $2, $4, $5, ends.at, $8, $9, $10)sql";

constexpr auto insert_unless_said_sql = " WHERE NOT said.already RETURNING change_id";

constexpr auto says_nothing_sql = R"sql(
SELECT NOT EXISTS (SELECT FROM relay.policy_said($2, $3) AS said WHERE said.setting = $4 AND said.scope_kind = $1) AS there)sql";

constexpr auto lift_setting_sql = R"sql(
UPDATE relay.policy_changes SET lifted_at = now(), lifted_by = $5
WHERE change_id IN (SELECT said.change_id FROM relay.policy_said($2, $3) AS said WHERE said.setting = $4 AND said.scope_kind = $1)
RETURNING change_id)sql";

constexpr auto lift_changes_sql = R"sql(
UPDATE relay.policy_changes SET lifted_at = now(), lifted_by = $2
WHERE change_id = ANY ($1::bigint[]) AND lifted_at IS NULL AND (until IS NULL OR until > statement_timestamp())
RETURNING change_id)sql";

constexpr auto all_over_sql = R"sql(
SELECT NOT EXISTS (SELECT FROM relay.policy_changes
                   WHERE change_id = ANY ($1::bigint[]) AND lifted_at IS NULL AND (until IS NULL OR until > statement_timestamp()))
       AS there)sql";

constexpr auto set_qps_sql = R"sql(
INSERT INTO relay.limits AS l (owner_kind, owner_id, meter, org_id, amount) VALUES ($1, COALESCE($3, $2), 'agent_qps', $2, $4::bigint)
ON CONFLICT (owner_kind, owner_id, meter) DO UPDATE SET amount = excluded.amount WHERE l.amount IS DISTINCT FROM excluded.amount)sql";

constexpr auto remove_qps_sql =
    "DELETE FROM relay.limits WHERE owner_kind = $1 AND owner_id = COALESCE($3, $2) AND org_id = $2 AND meter = "
    "'agent_qps'";

constexpr auto set_addresses_sql = R"sql(
INSERT INTO relay.call_policies AS p (org_id, agent_id, addresses) VALUES ($1, $2, $3::cidr[])
ON CONFLICT (org_id, (COALESCE(agent_id, ''))) DO UPDATE SET addresses = excluded.addresses WHERE p.addresses <> excluded.addresses)sql";

constexpr auto remove_addresses_sql =
    "DELETE FROM relay.call_policies WHERE org_id = $1 AND agent_id IS NOT DISTINCT FROM $2";

// The row itself; for a list also what gateways go by.
constexpr auto has_qps_sql = R"sql(
SELECT CASE WHEN $4::bigint IS NULL THEN count(*) = 0 ELSE count(*) FILTER (WHERE l.amount = $4) = 1 END AS there FROM relay.limits AS l
WHERE l.owner_kind = $1 AND l.owner_id = COALESCE($3, $2) AND l.meter = 'agent_qps')sql";

constexpr auto has_addresses_sql = R"sql(
SELECT CASE WHEN $3::cidr[] IS NULL THEN own.addresses IS NULL
            ELSE (own.addresses = $3 AND relay.allowed_addresses($1, $2) = $3) IS TRUE END AS there
FROM (SELECT (SELECT p.addresses FROM relay.call_policies AS p WHERE p.org_id = $1 AND p.agent_id IS NOT DISTINCT FROM $2) AS addresses)
     AS own)sql";

constexpr auto guarded_sql = "SELECT EXISTS (SELECT FROM relay.guarded_calls WHERE scope = COALESCE($1, '')) AS there";

constexpr auto within_sql = R"sql(
SELECT NOT EXISTS (SELECT FROM unnest($1::cidr[]) AS inside
                   WHERE NOT EXISTS (SELECT FROM unnest($2::cidr[]) AS outside WHERE inside <<= outside)) AS within)sql";

constexpr auto rules_sql = R"sql(
SELECT org_id, agent_id, name, value, until, change_id, ticket
FROM (SELECT c.org_id, c.agent_id, c.setting AS name, c.value, c.until, c.change_id, c.ticket
      FROM relay.policy_changes AS c
      WHERE (c.org_id = $1 OR c.org_id IS NULL) AND c.lifted_at IS NULL AND (c.until IS NULL OR c.until > statement_timestamp())
      UNION ALL
      SELECT l.org_id, l.agent_id, 'qps', COALESCE(l.amount::text, 'none'), NULL, NULL, NULL
      FROM relay.limits AS l WHERE l.org_id = $1 AND l.meter = 'agent_qps'
      UNION ALL
      SELECT p.org_id, p.agent_id, 'allow', array_to_string(p.addresses, ','), NULL, NULL, NULL
      FROM relay.call_policies AS p WHERE p.org_id = $1) AS rule)sql";

constexpr auto rules_limit_sql = " LIMIT $2::bigint";

constexpr db::SortColumn rule_columns[] = {
    {"agent_id", "agent_id"},
    {"name", R"(name COLLATE "C")"},
    {"until", "until"},
    {"change_id", "change_id"},
};

constexpr auto changes_sql = R"sql(
SELECT change_id, org_id, agent_id, setting, value, at, until, lifted_at, lifted_by, lifted_role, ticket, reason, actor, db_role,
       CASE WHEN lifted_at IS NOT NULL THEN 'undone' WHEN until <= statement_timestamp() THEN 'ended' ELSE 'set' END AS state
FROM relay.policy_changes
WHERE ($1::text IS NULL OR org_id = $1) AND ($2::text IS NULL OR agent_id = $2)
  AND ($3::bigint[] IS NULL OR change_id = ANY ($3)) AND ($4::text IS NULL OR ticket = $4))sql";

constexpr auto changes_limit_sql = " LIMIT $5::bigint";

constexpr db::SortColumn change_columns[] = {
    {"change_id", "change_id"}, {"at", "at"},           {"until", "until"}, {"lifted_at", "lifted_at"},
    {"agent_id", "agent_id"},   {"setting", "setting"},
};

PolicyScope read_scope(db::Row const &row) {
    return {.org = row.optional_id<OrgId>("org_id"), .agent = row.optional_id<AgentId>("agent_id")};
}

PolicyChange read_change(db::Row const &row) {
    return {.change_id = row.integer("change_id"),
            .scope = read_scope(row),
            .setting = row.value<PolicySetting>("setting"),
            .value = row.text("value"),
            .state = row.value<PolicyChangeState>("state"),
            .at = row.instant("at"),
            .until = row.optional_instant("until"),
            .lifted_at = row.optional_instant("lifted_at"),
            .lifted_by = row.optional_text("lifted_by"),
            .lifted_role = row.optional_text("lifted_role"),
            .ticket = row.optional_text("ticket"),
            .reason = row.optional_text("reason"),
            .actor = row.text("actor"),
            .db_role = row.text("db_role")};
}

std::vector<PolicyChange> select_changes(db::Transaction &transaction, std::optional<std::string> const &ids,
                                         std::optional<std::string> const &ticket = {}) {
    std::string const sql = std::string(changes_sql) + " ORDER BY change_id";
    std::vector<PolicyChange> changes;
    db::Rows const rows = transaction.exec(sql.c_str(), {std::nullopt, std::nullopt, ids, ticket});
    for (db::Row const row : rows) {
        changes.push_back(read_change(row));
    }
    return changes;
}

/// Returns the rows whose ids a statement has returned, as they are after it.
std::vector<PolicyChange> read_back(db::Transaction &transaction, db::Rows const &rows) {
    std::vector<std::string> ids;
    for (db::Row const row : rows) {
        ids.push_back(row.text("change_id"));
    }
    return ids.empty() ? std::vector<PolicyChange>() : select_changes(transaction, db::array_text(ids));
}

PolicyRule read_rule(db::Row const &row) {
    return {.scope = read_scope(row),
            .name = row.text("name"),
            .value = row.text("value"),
            .until = row.optional_instant("until"),
            .change_id = row.optional_integer("change_id"),
            .ticket = row.optional_text("ticket")};
}

std::string ids_of(std::vector<PolicyChange> const &changes) {
    std::vector<std::string> ids;
    for (PolicyChange const &change : changes) {
        ids.push_back(std::to_string(change.change_id));
    }
    return db::array_text(ids);
}

db::Param end_time(PolicyEnd const &end) {
    Instant const *const at = std::get_if<Instant>(&end);
    return at != nullptr ? db::Param(*at) : db::Param(std::nullopt);
}

db::Param end_seconds(PolicyEnd const &end) {
    auto const *const length = std::get_if<std::chrono::seconds>(&end);
    return length != nullptr ? db::Param(*length) : db::Param(std::nullopt);
}

std::vector<db::Param> said_parameters(PolicyScope const &scope, PolicySetting setting, std::string const &value,
                                       PolicyEnd const &until, Attribution const &by) {
    return {scope.kind(), scope.org, scope.agent, setting, value, end_time(until), end_seconds(until), by.ticket};
}

bool is_there(db::Transaction &transaction, char const *sql, std::vector<db::Param> const &parameters) {
    return transaction.exec(sql, parameters).one().boolean("there");
}

}  // namespace

CallPolicy call_policy(db::Transaction &transaction, PolicyScope const &scope) {
    auto settings = transaction.ask(in_force_sql, {scope.org, scope.agent}, [](db::Rows const &rows) {
        std::vector<SettingInForce> found;
        for (db::Row const row : rows) {
            found.push_back({.setting = row.value<PolicySetting>("setting"),
                             .value = row.text("value"),
                             .strictness = row.integer("strictness"),
                             .source = row.value<PolicySource>("source"),
                             .change_id = row.optional_integer("change_id"),
                             .until = row.optional_instant("until"),
                             .lasting_value = row.text("lasting_value"),
                             .lasting_strictness = row.integer("lasting_strictness")});
        }
        return found;
    });
    db::Rows const rows = transaction.exec(limits_sql, {scope.org, scope.agent});
    db::Row const row = rows.one();
    return {.settings = settings.get(),
            .qps = row.optional_integer("qps"),
            .qps_source = row.value<PolicySource>("qps_source"),
            .addresses = db::split_list(row.optional_text("addresses").value_or("")),
            .addresses_source = row.value<PolicySource>("addresses_source")};
}

std::optional<PolicyChange> insert_change(db::Transaction &transaction, PolicyScope const &scope, PolicySetting setting,
                                          std::string const &value, PolicyEnd const &until, Attribution const &by) {
    static std::string const sql = std::string(insert_sql) + said_sql + insert_unless_said_sql;
    std::vector<db::Param> parameters = said_parameters(scope, setting, value, until, by);
    parameters.emplace_back(by.reason);
    parameters.emplace_back(by.actor);
    std::vector<PolicyChange> made = read_back(transaction, transaction.exec(sql.c_str(), parameters));
    return made.empty() ? std::nullopt : std::optional(std::move(made.front()));
}

bool says(db::Transaction &transaction, PolicyScope const &scope, PolicySetting setting, std::string const &value,
          PolicyEnd const &until, Attribution const &by) {
    static std::string const sql = std::string("SELECT said.already AS there") + said_sql;
    return is_there(transaction, sql.c_str(), said_parameters(scope, setting, value, until, by));
}

bool says_nothing(db::Transaction &transaction, PolicyScope const &scope, PolicySetting setting) {
    return is_there(transaction, says_nothing_sql, {scope.kind(), scope.org, scope.agent, setting});
}

std::vector<PolicyChange> lift_setting(db::Transaction &transaction, PolicyScope const &scope, PolicySetting setting,
                                       Note const &by) {
    return read_back(transaction,
                     transaction.exec(lift_setting_sql, {scope.kind(), scope.org, scope.agent, setting, by}));
}

std::vector<PolicyChange> lift_changes(db::Transaction &transaction, std::vector<PolicyChange> const &changes,
                                       Note const &by) {
    return read_back(transaction, transaction.exec(lift_changes_sql, {ids_of(changes), by}));
}

std::vector<PolicyChange> find_changes(db::Transaction &transaction, std::optional<std::int64_t> change_id,
                                       std::optional<std::string> const &ticket) {
    return change_id ? select_changes(transaction, db::array_text({std::to_string(*change_id)}))
                     : select_changes(transaction, std::nullopt, ticket);
}

bool are_over(db::Transaction &transaction, std::vector<PolicyChange> const &changes) {
    return is_there(transaction, all_over_sql, {ids_of(changes)});
}

bool set_qps(db::Transaction &transaction, PolicyScope const &scope, std::optional<std::int64_t> amount) {
    std::vector<db::Param> parameters{scope.kind(), scope.org, scope.agent};
    if (!amount) {
        return transaction.exec(remove_qps_sql, parameters).affected() > 0;
    }
    parameters.emplace_back(*amount);
    return transaction.exec(set_qps_sql, parameters).affected() > 0;
}

bool set_addresses(db::Transaction &transaction, PolicyScope const &scope, std::vector<IpRange> const &addresses) {
    if (addresses.empty()) {
        return transaction.exec(remove_addresses_sql, {scope.org, scope.agent}).affected() > 0;
    }
    return transaction.exec(set_addresses_sql, {scope.org, scope.agent, db::array_text(addresses)}).affected() > 0;
}

bool has_qps(db::Transaction &transaction, PolicyScope const &scope, std::optional<std::int64_t> amount) {
    return is_there(transaction, has_qps_sql, {scope.kind(), scope.org, scope.agent, amount});
}

bool has_addresses(db::Transaction &transaction, PolicyScope const &scope, std::vector<IpRange> const &addresses) {
    return is_there(
        transaction, has_addresses_sql,
        {scope.org, scope.agent, addresses.empty() ? db::Param(std::nullopt) : db::Param(db::array_text(addresses))});
}

bool is_guarded(db::Transaction &transaction, PolicyScope const &scope) {
    return is_there(transaction, guarded_sql, {scope.org});
}

bool are_within(db::Transaction &transaction, std::vector<std::string> const &inner,
                std::vector<std::string> const &outer) {
    return outer.empty() ||
           (!inner.empty() &&
            transaction.exec(within_sql, {db::array_text(inner), db::array_text(outer)}).one().boolean("within"));
}

std::vector<std::string> rule_sort_fields() { return db::sort_fields(rule_columns); }

db::Stream<PolicyRule> list_rules(db::Transaction &transaction, OrgId const &org, std::vector<SortField> const &sort,
                                  std::optional<std::int64_t> limit) {
    std::string const order =
        db::order_by(rule_columns, sort, R"(org_id NULLS FIRST, agent_id NULLS FIRST, name COLLATE "C", change_id)");
    return {transaction, std::string(rules_sql) + order + rules_limit_sql, {org, limit}, read_rule};
}

std::vector<std::string> change_sort_fields() { return db::sort_fields(change_columns); }

db::Stream<PolicyChange> list_changes(db::Transaction &transaction, PolicyScope const &of,
                                      std::vector<SortField> const &sort, std::optional<std::int64_t> limit) {
    std::string const order = db::order_by(change_columns, sort, "change_id DESC");
    return {transaction,
            std::string(changes_sql) + order + changes_limit_sql,
            {of.org, of.agent, std::nullopt, std::nullopt, limit},
            read_change};
}

}  // namespace relay::sql
