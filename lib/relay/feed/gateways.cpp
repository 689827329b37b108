#include "relay/feed/gateways.hpp"

#include "relay/feed/gateways_sql.hpp"
#include "relay/identity/read_list.hpp"

#include <algorithm>

namespace relay {

std::vector<std::string> gateway_sort_fields() { return sql::gateway_sort_fields(); }

ListEnd list_gateways(db::Database &database, std::vector<SortField> const &sort, EachItem<Gateway> const &each) {
    auto const open = [&](db::Transaction &transaction) { return sql::list_gateways(transaction, sort); };
    auto const cursor_of = [](Gateway const &gateway) { return gateway.gateway_id; };
    return read_list(database, {.limit = std::nullopt}, open, cursor_of, each);
}

/// The place of the change in the feed. None: the feed no longer has it, so it counts as acknowledged by all.
struct GatewayWait::Place {
    std::optional<sql::FeedPlace> in_feed{};
};

GatewayWait::GatewayWait(db::Database &database, std::vector<Subject> subjects, bool is_new,
                         std::chrono::milliseconds patience)
    : Acknowledgement(patience), m_database(database), m_subjects(std::move(subjects)), m_is_new(is_new) {}

GatewayWait::~GatewayWait() = default;

/// Of those that were live at the beginning.
void GatewayWait::count_by_role(std::vector<sql::GatewayAck> const &acks) {
    m_roles.clear();
    for (sql::GatewayAck const &ack : acks) {
        if (!std::binary_search(m_live.begin(), m_live.end(), ack.gateway_id)) {
            continue;
        }
        auto const same = [&](RoleWait const &role) { return role.db_role == ack.db_role; };
        auto found = std::find_if(m_roles.begin(), m_roles.end(), same);
        if (found == m_roles.end()) {
            found = m_roles.insert(m_roles.end(), {.db_role = ack.db_role});
        }
        ++found->live;
        found->acknowledged += ack.has_it ? 1 : 0;
    }
}

bool GatewayWait::ask() {
    bool const first = !m_place;
    std::vector<sql::GatewayAck> acks;
    m_database.transact(reading(), [&](db::Transaction &transaction) {
        if (first) {
            m_place = std::make_unique<Place>(Place{sql::last_shut_out(transaction, m_subjects)});
            if (m_is_new && !m_place->in_feed) {
                throw Error(ErrorKind::schema, "the change feed holds no row of this change",
                            {.why = "a gateway that caches does not hear of it", .next = advise(Act::verify_schema)});
            }
        }
        acks = sql::acknowledged(transaction, m_place->in_feed);
    });
    if (first) {
        for (sql::GatewayAck const &ack : acks) {
            if (ack.live) {
                m_live.push_back(ack.gateway_id);
            }
        }
    }
    m_missing = m_live;
    for (sql::GatewayAck const &ack : acks) {
        if (ack.has_it) {
            std::erase(m_missing, ack.gateway_id);
        }
    }
    count_by_role(acks);
    if (m_live.empty()) {
        end();
    }
    return !m_live.empty() && m_missing.empty();
}

}  // namespace relay
