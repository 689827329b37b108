#include "relay/inspect/whose.hpp"

#include "relay/identity/keys_sql.hpp"
#include "relay/identity/use_case.hpp"
#include "relay/inspect/recognize.hpp"
#include "relay/inspect/recognize_sql.hpp"
#include "relay/inspect/whose_sql.hpp"

#include <set>

namespace relay {
namespace {

template <typename Work>
WhoseAll look(db::Database &database, std::chrono::milliseconds lock_patience, Work const &work) {
    db::TransactOptions options = reading();
    options.lock_patience = lock_patience;
    return database.transact(options, [&](db::Transaction &transaction) {
        WhoseAll all = work(transaction);
        all.at = transaction.now();
        all.db_role = transaction.db_role();
        return all;
    });
}

constexpr std::chrono::milliseconds patience{5'000};

/// Returns the agent's live keys, newest first; the agent alone if it has none.
std::vector<Whose> of_agent(db::Transaction &transaction, AgentId const &agent) {
    std::vector<KeyId> live;
    for (Key const &key : sql::keys_of_agent(transaction, agent).get()) {
        if (key.live()) {
            live.push_back(key.key_id);
        }
    }
    return live.empty() ? std::vector{sql::whose_agent(transaction, agent)} : sql::whose_keys(transaction, live).get();
}

std::vector<Whose> named_by(db::Transaction &transaction, Recognized const &one) {
    if (!one.subject) {
        return {};
    }
    if (auto const *const agent = std::get_if<AgentId>(&*one.subject)) {
        return of_agent(transaction, *agent);
    }
    if (auto const *const org = std::get_if<OrgId>(&*one.subject)) {
        return {sql::whose_org(transaction, *org)};
    }
    return sql::whose_keys(transaction, {std::get<KeyId>(*one.subject)}).get();
}

}  // namespace

NamedThing thing_of(KeyType type) {
    switch (type) {
        case KeyType::agent: break;
        case KeyType::org_admin: return NamedThing::token;
        case KeyType::device: return NamedThing::device;
    }
    return NamedThing::key;
}

bool Whose::live() const {
    if (!key_id || proof == Proof::other_secret) {
        return false;
    }
    if (auto const *const status = std::get_if<KeyStatus>(&state)) {
        return *status == KeyStatus::staged || *status == KeyStatus::active || *status == KeyStatus::retiring;
    }
    return state == decltype(state)(Status::active);
}

WhoseAll whose_found(db::Database &database, std::multimap<KeyId, scan::FoundKey> const &found,
                     std::vector<KeyId> const &damaged, std::chrono::milliseconds lock_patience) {
    return look(database, lock_patience, [&](db::Transaction &transaction) {
        std::vector<db::Pending<std::optional<sql::Owner>>> owners;  // all in one message: a text may have many keys
        std::vector<KeyId> ids = damaged;
        for (auto const &[id, key] : found) {
            owners.push_back(sql::ask_owner(transaction, id, key.hash));
            ids.push_back(id);
        }
        std::map<KeyId, Whose> known;
        for (Whose const &whose : sql::whose_keys(transaction, ids).get()) {
            known.emplace(*whose.key_id, whose);
        }
        WhoseAll all;
        auto const add = [&](KeyId const &id, NamedThing thing, Proof proof) {
            auto const at = known.find(id);
            Whose whose = at != known.end() ? at->second : Whose{.thing = thing, .key_id = id};
            whose.proof = proof;
            all.items.push_back(std::move(whose));
        };
        auto owner = owners.begin();
        for (auto const &[id, key] : found) {
            bool const is_this = (owner++)->get().has_value();
            add(id, thing_of(key.type), is_this ? Proof::whole_key : Proof::other_secret);
        }
        for (KeyId const &id : damaged) {
            add(id, NamedThing::key, Proof::id_only);
        }
        return all;
    });
}

WhoseAll whose_named(db::Database &database, std::vector<std::string> const &texts) {
    return look(database, patience, [&](db::Transaction &transaction) {
        WhoseAll all;
        for (std::string const &text : texts) {
            std::size_t const before = all.items.size();
            std::set<std::pair<NamedThing, std::string>> seen;  // an id and a name can be the same word
            std::map<NamedThing, int> namesakes;
            for (Recognized const &one : sql::recognize(transaction, without_prefix(text), text, most_namesakes + 1)) {
                if (one.by_name && one.subject && ++namesakes[one.thing] > most_namesakes) {
                    all.more.push_back(text);
                    continue;
                }
                if (!seen.emplace(one.thing, one.id).second) {
                    continue;
                }
                for (Whose &whose : named_by(transaction, one)) {
                    whose.asked = text;
                    all.items.push_back(std::move(whose));
                }
            }
            if (all.items.size() == before) {
                all.unknown.push_back(text);
            }
        }
        return all;
    });
}

std::vector<AgentWithoutKey> agents_without_key(db::Database &database, std::vector<KeyId> const &keys) {
    return database.transact(reading(),
                             [&](db::Transaction &transaction) { return sql::agents_without_key(transaction, keys); });
}

}  // namespace relay
