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
    lost,  ///< away, and it cannot come back: the WAL that it needs is gone
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
    std::string name{};  ///< its application_name, else its slot; with something behind it where two have the same
    std::optional<std::string> address{};
    std::optional<std::string> slot{};
    StandbyPresence presence = StandbyPresence::away;
    std::string link_state{};  ///< of one that is connected, in the server's words: streaming, catchup, ...
    bool synchronous = false;  ///< it is, or may become, one for which a COMMIT waits
    bool flushed = false;  ///< the commit is on its disk
    bool replayed = false;  ///< who asks there sees it
    std::optional<std::int64_t> behind_bytes{};  ///< of WAL, up to the commit
    std::optional<std::chrono::seconds> heard{};  ///< since it last said anything

    /// One word for all of it: the server's for what is connected, ours for the rest.
    std::string_view state_text() const {
        return presence == StandbyPresence::connected ? std::string_view(link_state) : text_of(presence);
    }
};

/// Waits until the standbys have replayed what was committed before the first ask().
///
/// That is: whoever streams from this primary, or did at any time of the wait; who is named in synchronous_standby_names; and whose
/// replication slot is there. A standby that is none of these is unknown to the primary. No standby of a standby, no logical subscriber.
class StandbyWait : public Acknowledgement {
  public:
    /// `subjects`, of one kind, were shut out: they must stand so in the database that answers.
    StandbyWait(db::Database &database, std::vector<Subject> subjects, std::chrono::milliseconds patience);
    ~StandbyWait() override;

    /// Throws Error: unavailable, denied; conflict, another server answers than the one that committed; Interrupted.
    bool ask() override;

    std::vector<Standby> const &standbys() const { return m_standbys; }
    /// How many have replayed it.
    std::size_t replayed() const;
    /// There are standbys, but how far they are is hidden from us: neither the login nor relay_owner is in pg_read_all_stats.
    bool hidden() const { return m_hidden; }
    /// The place in the WAL, "0/3000148"; empty before the first answer.
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
