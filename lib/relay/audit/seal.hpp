#pragma once

#include "relay/crypto/sha256.hpp"
#include "relay/db/database.hpp"
#include "relay/identity/records.hpp"
#include "relay/model/attribution.hpp"

#include <array>
#include <optional>
#include <string>
#include <vector>

/// Seals of the audit trail: a chain of hashes that shows any change to rows before its end.
///
/// The forms of what is hashed are in schema/README.md. They depend on no setting, locale or version of the server.
/// relay.add_seal computes them, so that no caller can seal what is untrue. The program computes them again, so that
/// altered functions in the database cannot hide an altered row.
namespace relay {

/// What a seal has about one event.
struct SealEntry {
    std::int64_t event_id = 0;
    std::uint16_t month = 0;  ///< months since January of the year 0, so that a dropped month explains a missing row
    std::array<char, 16> digest{};  ///< the first half of the SHA-256 of the row's form
    friend bool operator==(SealEntry const &, SealEntry const &) = default;
};

struct Seal {
    std::int64_t seal_no = 0;
    std::int64_t after_event_id = 0;
    std::int64_t up_to_event_id = 0;
    std::int64_t complete_up_to = 0;  ///< this seal and those before it have every event up to here
    std::string open_writers{};  ///< the transactions that could still add one up to up_to_event_id: "3/17,4/9"
    std::vector<SealEntry> entries{};
    Sha256 previous{};  ///< the hash of the seal before it; zeros for the first
    Instant sealed_at{};
    std::string actor{};
    std::string db_role{};
};

/// Returns the bytes of the column `entries`.
std::string entry_bytes(std::vector<SealEntry> const &entries);
/// Returns the hash of a seal, from all of its other parts.
Sha256 hash_of(Seal const &seal);

/// The end of the chain. A copy elsewhere proves everything up to it.
struct SealHead {
    std::int64_t seal_no = 0;
    Sha256 hash{};
    std::int64_t up_to_event_id = 0;
    Instant sealed_at{};
};

struct SealReceipt : WriteReceipt {
    std::int64_t seals = 0;  ///< added
    std::int64_t rows = 0;  ///< sealed by them
    std::optional<SealHead> head{};  ///< none: there is no seal
    bool writer_open = false;  ///< a transaction may still add an event below the end: the next seal will have it
};

/// Seals every event that is committed and not sealed yet. If there is none, changes nothing. Waits for no writer. Each
/// seal is a transaction, so another run continues where this one stopped. A dry run only counts. Throws Error: denied;
/// unavailable, another session writes seals.
SealReceipt seal_audit(db::Database &database, WriteOptions const &options);

}  // namespace relay
