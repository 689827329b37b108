#pragma once

#include "relay/incident/shut_out_sql.hpp"
#include "relay/incident/trail.hpp"

namespace relay {

enum class Direction { shut_out, lift };

/// One change of an incident command: it blocks or revokes subjects, or lifts that.
///
/// send() sends it with its events and what reads it back, which raises an error in the server if the effect is not
/// there; read() makes the receipt from the answers. So the same change fits into a transaction that waits for answers
/// before its COMMIT, and into one message with it.
class Change {
  public:
    Change(Direction direction, sql::ShutOut request, Attribution by)
        : m_direction(direction), m_request(std::move(request)), m_by(std::move(by)) {}

    /// `trail` says whether the events follow.
    void send(db::Transaction &transaction, Trail const &trail, std::optional<Instant> committed_at = std::nullopt);
    IncidentReceipt read(Trail &trail);

    Direction direction() const { return m_direction; }
    sql::ShutOut const &request() const { return m_request; }

  private:
    struct Sent {
        db::Transaction &transaction;
        db::Pending<sql::JudgedAll> judged;
        db::Pending<std::vector<Standing>> standing;
        db::Pending<bool> announced;
    };
    IncidentItem item_of(sql::Judged const &one, std::vector<Standing> const &standing) const;
    sql::NewEvent event_of(sql::Judged const &one, std::optional<Instant> until) const;

    Direction m_direction;
    sql::ShutOut m_request;
    Attribution m_by;
    std::optional<Sent> m_sent{};
};

/// Makes the change in a transaction that waits for its answers. Throws Error (schema): it is not there when it is read
/// back.
IncidentReceipt change_in(db::Transaction &transaction, Direction direction, sql::ShutOut request,
                          Attribution const &by, Trail &trail);

/// Makes the change in one message, COMMIT included. Behind the COMMIT it reads the effect back once more and, for one
/// agent, the report. A block or a revocation insists (trail.hpp).
IncidentReceipt change_at_once(db::Database &database, Direction direction, sql::ShutOut const &request,
                               WriteOptions const &options);

}  // namespace relay
