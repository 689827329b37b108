#pragma once

#include "relay/db/database.hpp"
#include "relay/feed/acknowledgement.hpp"
#include "relay/feed/records.hpp"
#include "relay/identity/records.hpp"
#include "relay/model/page.hpp"

#include <memory>

namespace relay {

namespace sql {
struct GatewayAck;
}

/// Returns the fields that gateways can be sorted by.
std::vector<std::string> gateway_sort_fields();
/// Lists the gateways that acknowledge the change feed, and how far each is behind; by `sort`, then by id. Also runs on a
/// standby.
ListEnd list_gateways(db::Database &database, std::vector<SortField> const &sort, EachItem<Gateway> const &each);

/// The number of gateways of one database login. Their ids are only claimed; the database authenticates the login.
struct RoleWait {
    std::string db_role{};
    std::int64_t live = 0;
    std::int64_t acknowledged = 0;
};

/// Waits until every live gateway has acknowledged the last block or revocation of one of `subjects`.
class GatewayWait : public Acknowledgement {
  public:
    /// `is_new`: the change was made just now, so the feed must hold it.
    GatewayWait(db::Database &database, std::vector<Subject> subjects, bool is_new, std::chrono::milliseconds patience);
    ~GatewayWait() override;

    /// Throws Error: unavailable, denied; schema, the feed does not hold a new change; Interrupted.
    bool ask() override;

    /// Returns the gateways that acknowledged anything in the last 60 s before the first question. If there is none,
    /// nothing can be proven.
    std::vector<std::string> const &live() const { return m_live; }
    /// Returns those of live() that have not acknowledged the change.
    std::vector<std::string> const &missing() const { return m_missing; }
    /// The same, counted by login: a gateway can invent any number of ids, but no login.
    std::vector<RoleWait> const &roles() const { return m_roles; }

  private:
    struct Place;
    db::Database &m_database;
    std::vector<Subject> m_subjects;
    bool m_is_new;
    std::unique_ptr<Place> m_place{};
    std::vector<std::string> m_live{};
    std::vector<std::string> m_missing{};
    std::vector<RoleWait> m_roles{};

    void count_by_role(std::vector<sql::GatewayAck> const &acks);
};

}  // namespace relay
