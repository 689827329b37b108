#include "relay/identity/rotation.hpp"

#include "relay/db/database.hpp"
#include "relay/identity/agents_sql.hpp"
#include "relay/identity/confirm_key.hpp"
#include "relay/identity/events_sql.hpp"
#include "relay/identity/keys_sql.hpp"
#include "relay/identity/revocations_sql.hpp"
#include "relay/identity/rotation_request.hpp"
#include "relay/identity/rotation_rules.hpp"
#include "relay/identity/usual_rotation_sql.hpp"
#include "relay/model/format_text.hpp"

#include <fmt/format.h>
#include <algorithm>

namespace relay {
namespace {

using std::chrono::seconds;

/// True if nothing but the agent's keys decides what the rotation does.
bool is_unconditional(RotateKey const &request) {
    return !request.request && request.own_key == nullptr && !request.if_older_than && !request.due_within &&
           !request.force && !request.if_missing && !request.unless_made_after && !request.expires_at;
}

/// One rotation inside its transaction.
///
/// The usual one is sent together with what reads the agent (replace_live_key). Any other is decided here, from what was
/// read.
class Rotation {
  public:
    Rotation(db::Transaction &transaction, RotationStep const &step)
        : m_transaction(transaction),
          m_step(step),
          m_request(step.request),
          m_new_key(step.new_key),
          m_by(step.by),
          m_staging(step.staging),
          m_agent(lock()) {}

    /// Returns whether run() has made a key that must be delivered.
    bool has_new_key() const { return m_has_new_key; }

    RotatedKey run() {
        ApiKey const &new_key = m_new_key;
        OrgId const org = m_agent.org_id;
        if (m_step.prepare) {
            m_operation = m_step.prepare(org);
        }
        if (m_request.request) {
            if (auto const earlier = claim_rotation(m_transaction, m_request, org, m_operation.value(), new_key.id())) {
                m_keys.active = earlier;
                return keep("this request was done before");
            }
        }
        refuse_revoked(m_agent);
        std::optional<Key> same = own_key_again(new_key);
        if (is_active(same)) {
            return keep(already_active(new_key));
        }
        std::optional<KeyId> const replaced = m_usual ? m_usual->replaced.get() : std::nullopt;
        if (!replaced) {
            if (confirm_proved(m_step.end)) {
                same = own_key_again(new_key);  // perhaps it was the one
                if (is_active(same)) {
                    return keep(already_active(new_key));
                }
            }
            if (std::string const reason = decide(); !reason.empty()) {
                return keep(reason);
            }
        }
        m_has_new_key = true;
        if (replaced) {
            m_result.changed = true;
            m_result.ended = m_request.grace > seconds(0) ? std::vector<KeyId>() : std::vector{*replaced};
            if (m_operation) {
                m_transaction.record_operation_with_commit(*m_operation);
            }
            confirm_replaced(m_usual->read_back);
            m_transaction.require(m_result.previous && m_result.previous->key_id == *replaced,
                                  "the end of key " + replaced->text(),
                                  {"key " + replaced->text() + " may still be live"});
            return m_result;
        }
        refuse_third_key(m_transaction, m_request, m_keys, m_in_grace);
        record_operation();
        if (m_staging != nullptr) {
            stage(new_key, same.has_value());
        } else {
            replace(new_key, m_step.end);
            confirm_replaced(ask_replaced());
        }
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
        if (is_unconditional(m_request) && m_staging == nullptr) {
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

    /// Returns the caller's own key if it is the agent's active key already, so that the rotation was done, or if it is
    /// staged, so that it can be delivered again.
    std::optional<Key> own_key_again(ApiKey const &new_key) {
        auto key = m_request.own_key != nullptr ? sql::find_key(m_transaction, new_key.id()) : std::nullopt;
        if (!key) {
            return std::nullopt;
        }
        bool const is_ours = key->agent_id == m_request.agent && key->live() &&
                             sql::identify(m_transaction, new_key.id(), new_key.hash()).has_value();
        bool const fits = key->state == KeyState::active || (key->state == KeyState::staged && m_staging != nullptr);
        if (!is_ours || !fits) {
            throw Error(ErrorKind::conflict,
                        fmt::format("key {} was used before; nothing was changed", new_key.id().text()),
                        {.next = "make a new key"});
        }
        return key;
    }

    static bool is_active(std::optional<Key> const &key) { return key && key->state == KeyState::active; }
    static std::string already_active(ApiKey const &key) {
        return fmt::format("key {} is already the active key", key.id().text());
    }

    /// Confirms a key of an earlier delivery, before anything is decided by the age of the active key. Returns whether there
    /// was one.
    bool confirm_proved(sql::EndOfOld const &end) {
        for (Key const &key : m_keys.retiring) {
            if (key.live()) {
                m_in_grace = key;
            }
        }
        if (auto const proved = proved_key(m_transaction, m_keys, m_request.view)) {
            m_result.confirmed = proved->key_id;
            ConfirmedKey const done = confirm_key(m_transaction, m_keys, *proved, end, m_by);
            m_result.previous = done.previous;
            m_result.ended = done.ended;
            m_keys = sql::current_keys(m_transaction, m_request.agent);
        }
        return m_result.confirmed.has_value();
    }

    /// Returns the key with which the agent signs, or will sign: the active one, or if none works a staged one.
    std::optional<Key> public_key() const {
        if (m_keys.active && m_keys.active->live()) {
            return m_keys.active->algorithm == KeyAlgorithm::ed25519 ? m_keys.active : std::nullopt;
        }
        auto const staged = std::find_if(m_keys.staged.begin(), m_keys.staged.end(), [](Key const &key) {
            return key.live() && key.algorithm == KeyAlgorithm::ed25519;
        });
        return staged == m_keys.staged.end() ? std::nullopt : std::optional(*staged);
    }

    /// Returns why the active key may stay; empty if a rotation is due.
    std::string decide() {
        bool const is_conditional = m_request.if_older_than || m_request.due_within || m_request.if_missing;
        if (auto const own = public_key(); is_conditional && own) {
            return fmt::format("key {} is a public key, which only its agent can replace", own->key_id);
        }
        if (!m_keys.active || !m_keys.active->live()) {
            auto const works =
                std::find_if(m_keys.staged.begin(), m_keys.staged.end(), [](Key const &key) { return key.live(); });
            bool const keeps = m_request.if_missing && works != m_keys.staged.end();
            return keeps ? fmt::format("key {} is staged, and works", works->key_id) : "";
        }
        if (m_request.unless_made_after && m_keys.active->made_order > *m_request.unless_made_after) {
            return fmt::format("key {} was made since this run began", m_keys.active->key_id);
        }
        if (m_request.if_missing) {
            return fmt::format("key {} works", m_keys.active->key_id);
        }
        bool const has_settled = std::any_of(m_keys.staged.begin(), m_keys.staged.end(), [&](Key const &key) {
            return key.live() && key.settle_until <= m_transaction.now() && key.algorithm != KeyAlgorithm::ed25519;
        });
        if (has_settled || store_lacks_key()) {
            m_in_grace.reset();  // it is due whatever its age, so a key in grace does not prevent it
            return {};
        }
        return reason_to_keep(m_request, *m_keys.active, m_transaction.now());
    }

    /// Whether the store shows no key that stays: none that works, or one that ends soon although the store had all the
    /// time to take the active one. A write that came too late, or was lost, left it there.
    bool store_lacks_key() const {
        if (!m_request.view) {
            return false;
        }
        auto const shown = shown_key(m_transaction, m_keys, *m_request.view);
        bool const has_settled = !(m_keys.active->settle_until > m_transaction.now());
        return !shown || (shown->state == KeyState::retiring && has_settled);
    }

    RotatedKey keep(std::string reason) {
        m_result.changed = m_result.confirmed.has_value();
        m_result.key = m_keys.active ? m_keys.active : public_key();
        m_result.unchanged_because = std::move(reason);
        if (m_result.changed) {
            record_operation();
        }
        return m_result;
    }

    /// A request id has recorded it already.
    void record_operation() {
        if (m_operation && !m_request.request) {
            m_transaction.record_operation(*m_operation);
        }
    }

    void stage(ApiKey const &new_key, bool again) {
        sql::Detail detail;
        detail.add("deliver_seconds", m_staging->timeout.count()).add("settle_seconds", m_staging->settle.count());
        if (!again) {
            refuse_sixth_staged(m_transaction, m_agent.agent_id, m_keys);
        }
        add_event("key_staged", new_key.id(), std::move(detail));  // before its key: see relay.audit_new_keys
        if (again) {
            sql::stage_key_again(m_transaction, new_key.id(), *m_staging);
        } else {
            sql::stage_key(m_transaction, new_key.id(), new_key.hash(), m_request.agent,
                           new_expiry(m_transaction, m_request, m_keys), *m_staging, m_by.actor);
        }
        sql::confirm_new_key(m_transaction, new_key.id(), new_key.hash(), m_request.agent, KeyState::staged);
        m_transaction.require(sql::answered_contrary(m_transaction, {new_key.id()}).get().empty(),
                              "the new key of agent " + m_agent.agent_id.text());
        m_result.changed = true;
    }

    void replace(ApiKey const &new_key, sql::EndOfOld const &end) {
        std::optional<Instant> const expires_at = new_expiry(m_transaction, m_request, m_keys);
        auto const ended =
            replace_keys(m_transaction, m_keys, {m_agent.org_id, m_agent.agent_id}, {.id = new_key.id()}, end, m_by);
        m_result.ended.insert(m_result.ended.end(), ended.begin(), ended.end());
        sql::Detail detail;
        add_grace(detail, end);
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
        if (m_keys.active) {
            m_transaction.expect_announcement();
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
            bool const in_grace = old.state == KeyState::retiring &&
                                  old.expires_at <= m_transaction.now() + m_request.grace &&
                                  old.retire_on_first_use == m_request.retire_on_first_use;
            m_transaction.require((in_grace || old.state == KeyState::staged) && old.replaced_by == m_new_key.id(),
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

    void add_event(char const *action, KeyId const &key_id, sql::Detail detail) {
        sql::record_events(m_transaction, m_by,
                           {{.action = action,
                             .org_id = m_agent.org_id,
                             .agent_id = m_agent.agent_id,
                             .key_id = key_id,
                             .detail = std::move(detail)}});
    }

    db::Transaction &m_transaction;
    RotationStep const &m_step;
    RotateKey const &m_request;
    ApiKey const &m_new_key;
    Attribution const &m_by;
    Staging const *m_staging;
    sql::CurrentKeys m_keys{};
    std::optional<Key> m_in_grace{};  ///< a key that an earlier rotation left in its grace period
    std::optional<OperationId> m_operation{};
    bool m_has_new_key = false;
    std::optional<Usual> m_usual{};
    Agent m_agent;
    RotatedKey m_result{};
};

}  // namespace

RotationDone rotate_in(db::Transaction &transaction, RotationStep const &step) {
    Rotation rotation(transaction, step);
    RotatedKey rotated = rotation.run();
    return {std::move(rotated), rotation.has_new_key()};
}

sql::EndOfOld end_of_old(seconds grace, bool retire_on_first_use, bool force) {
    return {.grace = grace, .retire_on_first_use = retire_on_first_use, .ends_others = force || grace == seconds(0)};
}

sql::EndOfOld end_of_old(RotateKey const &request) {
    return {.grace = request.grace,
            .grace_once_used = request.grace_once_used,
            .retire_on_first_use = request.retire_on_first_use,
            .ends_others = ends_others(request)};
}

}  // namespace relay
