#pragma once

#include "relay/db/database.hpp"
#include "relay/feed/acknowledgement.hpp"
#include "relay/feed/records.hpp"
#include "relay/identity/records.hpp"
#include "relay/model/page.hpp"

#include <memory>

namespace relay {

/// Who listens to the change feed, and how far behind; by id. Runs on a standby, too.
Page<Gateway> list_gateways(db::Database &database);

/// Waits until every live gateway has acknowledged the last change that shut out one of `subjects`, of one kind.
class GatewayWait : public Acknowledgement {
  public:
    GatewayWait(db::Database &database, std::vector<Subject> subjects, std::chrono::milliseconds patience);
    ~GatewayWait() override;

    /// Throws Error: unavailable, denied; Interrupted.
    bool ask() override;

    /// Gateways that had acknowledged anything within 60 s before; without any nothing is ever proven.
    std::vector<std::string> const &live() const { return m_live; }
    /// Of these, who has not acknowledged the change.
    std::vector<std::string> const &missing() const { return m_missing; }

  private:
    struct Place;
    db::Database &m_database;
    std::vector<Subject> m_subjects;
    std::unique_ptr<Place> m_place{};
    std::vector<std::string> m_live{};
    std::vector<std::string> m_missing{};
};

}  // namespace relay
