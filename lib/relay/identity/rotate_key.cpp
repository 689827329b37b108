#include "relay/identity/rotate_key.hpp"

#include "relay/identity/agents_sql.hpp"
#include "relay/identity/deliver_then_commit.hpp"
#include "relay/identity/events_sql.hpp"
#include "relay/identity/keys_sql.hpp"
#include "relay/identity/operations_sql.hpp"
#include "relay/identity/revocations_sql.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/identity/usual_rotation_sql.hpp"
#include "relay/model/format_text.hpp"

#include <fmt/format.h>

namespace relay {
namespace {

using std::chrono::seconds;

seconds age(Key const &key, Instant now) { return std::chrono::floor<seconds>(now - key.created_at); }

/// Returns why the current key may stay, or an empty text if it must be rotated.
std::string reason_to_keep(RotateKey const &request, std::optional<Key> const &active, Instant now) {
    if (!active || !active->live()) {
        return {};
    }
    if (request.if_older_than && age(*active, now) < *request.if_older_than) {
        return fmt::format("key {} is {} old (limit {})", active->key_id, describe_duration(age(*active, now)),
                           describe_duration(*request.if_older_than));
    }
    if (request.due_within && !active->due_at) {
        return fmt::format("key {} is never due by its age", active->key_id);
    }
    if (request.due_within && *active->due_at > now + *request.due_within) {
        return fmt::format("key {} is due at {}", active->key_id, format_instant_seconds(*active->due_at));
    }
    return {};
}

/// Returns one line with everything that makes one request different from another.
std::string canonical_parameters(RotateKey const &request) {
    auto const text = [](std::optional<seconds> const &duration) {
        return duration ? format_duration(*duration) : std::string("-");
    };
    return fmt::format(
        "rotate-key {} grace={} if-older-than={} due-within={} retire-on-first-use={} force={} own-key={}",
        request.agent.text(), format_duration(request.grace), text(request.if_older_than), text(request.due_within),
        request.retire_on_first_use, request.force, request.own_key != nullptr ? request.own_key->id().text() : "-");
}

/// True if nothing but the agent's keys decides what the rotation does.
bool is_unconditional(RotateKey const &request) {
    return !request.request && request.own_key == nullptr && !request.if_older_than && !request.due_within &&
           !request.force;
}

/// One rotation inside its transaction.
///
/// The usual one is sent together with what reads the agent (replace_live_key). Any other is decided here, from what was
/// read.
class Rotation {
  public:
    Rotation(db::Transaction &transaction, RotateKey const &request, ApiKey const &new_key, Attribution const &by)
        : m_transaction(transaction), m_request(request), m_new_key(new_key), m_by(by), m_agent(lock()) {}

    RotatedKey run(DeliverThenCommit &delivery_commit) {
        ApiKey const &new_key = m_new_key;
        OrgId const org = m_agent.org_id;
        OperationId const &operation = delivery_commit.prepare({.org = org, .agent = &m_request.agent, .key = new_key});
        if (m_request.request && repeated(org, operation, new_key)) {
            return keep("this request was done before");
        }
        if (m_agent.status == Status::revoked) {
            throw Error(ErrorKind::conflict, fmt::format("agent {} is revoked; nothing was changed", m_agent.agent_id),
                        {.why = "restore the agent first: that gives it a new key",
                         .next = advise(Act::restore_agent, m_agent.agent_id)});
        }
        if (is_own_key_again(new_key)) {
            return keep(fmt::format("key {} is already the active key", new_key.id().text()));
        }
        if (std::string const reason = reason_to_keep(m_request, m_keys.active, m_transaction.now()); !reason.empty()) {
            return keep(reason);
        }
        std::optional<KeyId> const replaced = m_usual ? m_usual->replaced.get() : std::nullopt;
        if (replaced) {
            m_result.changed = true;
            m_result.ended = m_request.grace > seconds(0) ? std::vector<KeyId>() : std::vector{*replaced};
            m_transaction.record_operation_with_commit(operation);
            confirm_replaced(m_usual->read_back);
            m_transaction.require(m_result.previous && m_result.previous->key_id == *replaced,
                                  "the end of key " + replaced->text(),
                                  {"key " + replaced->text() + " may still be live"});
            return m_result;
        }
        replace(new_key);
        if (!m_request.request) {
            m_transaction.record_operation(operation);
        }
        confirm_replaced(ask_replaced());
        return m_result;
    }

  private:
    /// What is read back after the last write.
    struct ReadBack {
        db::Pending<std::int64_t> as_made;
        db::Pending<std::vector<Subject>> contrary;
        db::Pending<std::optional<Key>> key;
        std::optional<db::Pending<std::optional<Key>>> previous{};
        std::vector<db::Pending<std::optional<Key>>> ended{};
    };
    struct Usual {
        db::Pending<std::optional<KeyId>> replaced;
        ReadBack read_back;
    };

    /// Waits for other rotations of the agent, then reads it and its keys.
    Agent lock() {
        AgentId const &id = m_request.agent;
        sql::send_agent_lock(m_transaction, id);
        auto const current = sql::ask_current_keys(m_transaction, id);
        auto const agent = sql::ask_agent(m_transaction, id);
        if (is_unconditional(m_request)) {
            auto replaced = sql::replace_live_key(m_transaction, m_request, m_new_key, m_by);
            m_usual.emplace(Usual{std::move(replaced), ask_new_key()});
            m_usual->read_back.previous = sql::ask_replaced_key(m_transaction, id, m_new_key.id());
        }
        std::optional<Agent> found = agent.get();
        if (!found) {
            found = sql::get_agent(m_transaction, id);  // throws, with similar ids
        }
        m_keys = current.get();
        return *std::move(found);
    }

    ReadBack ask_new_key() {
        KeyId const &id = m_new_key.id();
        return {.as_made = sql::count_keys_as_made(m_transaction, {id}, {m_new_key.hash().hex()}, {m_request.agent}),
                .contrary = sql::answered_contrary(m_transaction, {id}),
                .key = sql::ask_key(m_transaction, id)};
    }

    ReadBack ask_replaced() {
        ReadBack asked = ask_new_key();
        for (KeyId const &id : m_result.ended) {
            asked.ended.push_back(sql::ask_key(m_transaction, id));
        }
        if (m_keys.active) {
            asked.previous = sql::ask_key(m_transaction, m_keys.active->key_id);
        }
        return asked;
    }

    bool repeated(OrgId const &org, OperationId const &operation, ApiKey const &new_key) {
        std::string const parameters = canonical_parameters(m_request);
        auto const earlier =
            sql::claim_request(m_transaction, operation, org, *m_request.request, parameters, new_key.id());
        if (!earlier) {
            return false;
        }
        if (earlier->parameters != parameters) {
            throw Error(ErrorKind::conflict,
                        fmt::format("request {} was used before, for: {}; nothing was changed",
                                    m_request.request->text(), earlier->parameters),
                        {.next = "use a new UUID for a new request"});
        }
        // Any login that may rotate can write such a row. It counts only if this login wrote it, for this agent.
        auto const key = earlier->key_id ? sql::find_key(m_transaction, *earlier->key_id) : std::nullopt;
        if (earlier->db_role != m_transaction.db_role() || !key || key->org_id != org ||
            key->agent_id != m_request.agent) {
            throw Error(
                ErrorKind::conflict,
                fmt::format("request {} was recorded by role {} for {}; nothing was changed", m_request.request->text(),
                            earlier->db_role,
                            key ? "a key of agent " + key->agent_id.text() : "a key that is not there"),
                {.why = "this login made no such request for this agent", .next = "use a new UUID for a new request"});
        }
        m_keys.active = key;
        return true;
    }

    /// Returns true if the caller's own key is already the agent's active key: this is a retry of a rotation that was
    /// done.
    bool is_own_key_again(ApiKey const &new_key) {
        if (m_request.own_key == nullptr || !sql::find_key(m_transaction, new_key.id())) {
            return false;
        }
        auto const owner = sql::identify(m_transaction, new_key.id(), new_key.hash());
        bool const active = m_keys.active && m_keys.active->key_id == new_key.id() && m_keys.active->live();
        if (!owner || !active) {
            throw Error(ErrorKind::conflict,
                        fmt::format("key {} was used before; nothing was changed", new_key.id().text()),
                        {.next = "make a new key"});
        }
        return true;
    }

    RotatedKey keep(std::string reason) {
        m_result.changed = false;
        m_result.key = m_keys.active;
        m_result.unchanged_because = std::move(reason);
        m_transaction.nothing_to_do();
        return m_result;
    }

    void end(Key const &key, std::optional<KeyId> const &replaced_by) {
        sql::retire(m_transaction, key.key_id, replaced_by);
        m_result.ended.push_back(key.key_id);
        add_event("key_retired", key.key_id, {});
    }

    /// Makes room for a second key in grace: ends what is left of an older rotation, or refuses.
    void clear_grace(KeyId const &new_id) {
        if (!m_keys.retiring) {
            return;
        }
        Key const &old = *m_keys.retiring;
        if (old.live() && m_request.grace > seconds(0) && !m_request.force) {
            throw Error(
                ErrorKind::conflict,
                fmt::format("agent {} has a rotation in grace: key {} works until {}; nothing was changed",
                            m_agent.agent_id, old.key_id, format_instant_seconds(old.expires_at.value_or(Instant()))),
                {.why = "an agent can have at most two live keys",
                 .next = advise(Act::retire_key, old.key_id)
                             .noting("ends that key now")
                             .also(advise(Act::rotate_by_force))
                             .also("wait until its grace has ended")});
        }
        if (old.live()) {
            end(old, old.replaced_by.value_or(new_id));
        } else if (old.status == KeyStatus::revoked) {
            sql::mark_revoked(m_transaction, m_request.agent);
        } else {
            sql::retire(m_transaction, old.key_id);
        }
    }

    void replace(ApiKey const &new_key) {
        clear_grace(new_key.id());
        std::optional<Instant> expires_at;
        if (m_keys.active) {
            expires_at = inherited_expiry(*m_keys.active);
            retire_active(*m_keys.active, new_key.id());
        }
        sql::Detail detail;
        detail.add("grace_seconds", m_request.grace.count());
        if (m_keys.active) {
            detail.add("previous_key_id", m_keys.active->key_id.text());
        }
        add_event("key_rotated", new_key.id(), std::move(detail));  // before its key: see relay.audit_new_keys
        sql::insert_key(m_transaction, new_key.id(), new_key.hash(), m_request.agent, expires_at, m_by.actor);
        m_result.changed = true;
    }

    /// Reads back that the new key counts, and each old one as was decided.
    void confirm_replaced(ReadBack const &asked) {
        std::vector<std::string> doubts;
        for (KeyId const &id : m_result.ended) {
            doubts.push_back("key " + id.text() + " may still be live");
        }
        m_result.key = asked.key.get();
        m_result.previous = asked.previous ? asked.previous->get() : std::nullopt;
        for (std::size_t i = 0; i < m_result.ended.size(); ++i) {
            auto const key = i < asked.ended.size() ? asked.ended[i].get() : m_result.previous;
            m_transaction.require(key && !key->live(), "the end of key " + m_result.ended[i].text(), doubts);
        }
        m_transaction.confirm(asked.as_made.get() == 1, "the new key of agent " + m_agent.agent_id.text(), doubts);
        if (m_result.previous && m_result.previous->live()) {
            Key const &old = *m_result.previous;
            m_transaction.require(old.state == KeyState::retiring && old.replaced_by == m_new_key.id() &&
                                      old.expires_at <= m_transaction.now() + m_request.grace &&
                                      old.retire_on_first_use == m_request.retire_on_first_use,
                                  "the grace of key " + old.key_id.text());
        }
        if (m_result.key && m_result.key->status == KeyStatus::revoked) {
            throw db::RunAgain();  // the agent was revoked meanwhile: the next run says so
        }
        // Only the state and the rows that refuse it count; an expiry that it inherited may be near.
        m_transaction.require(m_result.key && m_result.key->state == KeyState::active &&
                                  m_result.key->status != KeyStatus::revoked && asked.contrary.get().empty(),
                              "the new key of agent " + m_agent.agent_id.text(), doubts);
    }

    /// Returns the expiry of the new key. A rotation neither extends nor removes an expiry that was set on purpose.
    std::optional<Instant> inherited_expiry(Key const &active) const {
        if (active.status == KeyStatus::expired && !m_request.force) {
            throw Error(
                ErrorKind::conflict,
                fmt::format("the key of agent {} expired at {}, as set when it was created; nothing was changed",
                            m_agent.agent_id, format_instant_seconds(active.expires_at.value_or(Instant()))),
                {.why = "a rotation does not extend access that was meant to end",
                 .next = advise(Act::rotate_by_force)});
        }
        return active.status == KeyStatus::expired ? std::nullopt : active.expires_at;
    }

    void retire_active(Key const &active, KeyId const &new_id) {
        if (active.status == KeyStatus::revoked) {
            sql::mark_revoked(m_transaction, m_request.agent);
        } else if (active.live() && m_request.grace > seconds(0)) {
            sql::start_grace(m_transaction, active.key_id, new_id, m_request.grace, m_request.retire_on_first_use);
        } else {
            end(active, new_id);
        }
    }

    void add_event(char const *action, KeyId const &key_id, sql::Detail detail) {
        sql::record_events(m_transaction, m_by,
                           {{.action = action,
                             .org_id = m_agent.org_id,
                             .agent_id = m_agent.agent_id,
                             .key_id = key_id,
                             .detail = std::move(detail)}});
    }

    db::Transaction &m_transaction;
    RotateKey const &m_request;
    ApiKey const &m_new_key;
    Attribution const &m_by;
    sql::CurrentKeys m_keys{};
    std::optional<Usual> m_usual{};
    Agent m_agent;
    RotatedKey m_result{};
};

}  // namespace

RotatedKey rotate_key(db::Database &database, RotateKey const &request, WriteOptions const &options,
                      KeyDelivery *delivery) {
    if (delivery == nullptr && request.own_key == nullptr) {
        throw Error(ErrorKind::usage, "rotate_key needs a delivery for the key that it generates");
    }
    RotatedKey result;
    DeliverThenCommit delivery_commit(delivery, options.dry_run, request.own_key != nullptr);
    std::optional<ApiKey> const generated =
        request.own_key != nullptr ? std::nullopt : std::optional(ApiKey::generate(KeyType::agent));
    ApiKey const &new_key = generated ? *generated : *request.own_key;
    delivery_commit.run(database, writing(options), [&](db::Transaction &transaction) {
        result = Rotation(transaction, request, new_key, options.by).run(delivery_commit);
        note_who(result, transaction);
        if (result.changed) {
            delivery_commit.deliver(transaction);
        }
    });
    result.delivered_to = delivery_commit.destination();
    return result;
}

}  // namespace relay
