#pragma once

#include "relay/db/database.hpp"
#include "relay/feed/acknowledgement.hpp"
#include "relay/feed/records.hpp"
#include "relay/identity/records.hpp"
#include "relay/model/page.hpp"

#include <memory>

namespace relay {

/// Returns the gateways that acknowledge the change feed, and how far each is behind; by id. Also runs on a standby.
Page<Gateway> list_gateways(db::Database &database);

/// Waits until every live gateway has acknowledged the last block or revocation of one of `subjects`, of one kind.
class GatewayWait : public Acknowledgement {
  public:
    GatewayWait(db::Database &database, std::vector<Subject> subjects, std::chrono::milliseconds patience);
    ~GatewayWait() override;

    /// Throws Error: unavailable, denied; Interrupted.
    bool ask() override;

    /// Returns the gateways that acknowledged anything in the last 60 s before the first question. If there is none,
    /// nothing can be proven.
    std::vector<std::string> const &live() const { return m_live; }
    /// Returns those of live() that have not acknowledged the change.
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
