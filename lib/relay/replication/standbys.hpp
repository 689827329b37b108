#pragma once

#include "relay/db/database.hpp"
#include "relay/feed/acknowledgement.hpp"
#include "relay/model/subject.hpp"
#include "relay/model/text_of.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace relay {

enum class StandbyPresence {
    connected,
    hidden,  ///< connected, but neither the login nor relay_owner may see how far it is
    away,
    lost,  ///< away, and cannot come back, because the WAL that it needs is gone
};

template <>
struct EnumText<StandbyPresence> {
    static constexpr auto words = std::to_array<EnumWord<StandbyPresence>>({{StandbyPresence::connected, "connected"},
                                                                            {StandbyPresence::hidden, "hidden"},
                                                                            {StandbyPresence::away, "away"},
                                                                            {StandbyPresence::lost, "lost"}});
};

/// A standby that could take the primary's place, as the primary knows it.
struct Standby {
    std::string name{};  ///< its application_name or its slot; with an addition if two have the same name
    std::optional<std::string> address{};
    std::optional<std::string> slot{};
    StandbyPresence presence = StandbyPresence::away;
    std::string link_state{};  ///< if connected, the server's word for its state: streaming, catchup, ...
    bool synchronous = false;  ///< COMMIT waits for it, or may come to wait for it
    bool flushed = false;  ///< the commit is on its disk
    bool replayed = false;  ///< queries there see the commit
    std::optional<std::int64_t> behind_bytes{};  ///< WAL that it still needs, up to the commit
    std::optional<std::chrono::seconds> heard{};  ///< time since its last message

    /// Returns one word for its state: the server's if it is connected, otherwise ours.
    std::string_view state_text() const {
        return presence == StandbyPresence::connected ? std::string_view(link_state) : text_of(presence);
    }
};

/// Waits until all standbys have replayed what was committed before the first ask().
///
/// All standbys: each that streams from this primary, or did at any time of the wait; each that is named in
/// synchronous_standby_names; and each with a replication slot. The primary does not know any others. Standbys of
/// standbys and logical subscribers do not count.
class StandbyWait : public Acknowledgement {
  public:
    /// `subjects`, of one kind, were blocked or revoked. The database that answers must show them as such.
    StandbyWait(db::Database &database, std::vector<Subject> subjects, std::chrono::milliseconds patience);
    ~StandbyWait() override;

    /// Throws Error: unavailable, denied; conflict, a different server answers than the one that committed;
    /// Interrupted.
    bool ask() override;

    std::vector<Standby> const &standbys() const { return m_standbys; }
    /// Returns how many standbys have replayed it.
    std::size_t replayed() const;
    /// Returns true if there are standbys whose progress we may not see: neither the login nor relay_owner is in
    /// pg_read_all_stats.
    bool hidden() const { return m_hidden; }
    /// Returns the place in the WAL, "0/3000148"; empty before the first answer.
    std::string const &lsn() const { return m_lsn; }

  private:
    class Roll;
    db::Database &m_database;
    std::vector<Subject> m_subjects;
    std::string m_history{};
    std::string m_lsn{};
    std::unique_ptr<Roll> m_roll;
    std::vector<Standby> m_standbys{};
    bool m_hidden = false;
};

}  // namespace relay
