#pragma once

#include "relay/db/connect.hpp"

#include <pqxx/pqxx>

namespace relay::db {

/// A pqxx connection over our own PGconn: we connect by our own deadline, and nothing ever reconnects silently.
#if PQXX_VERSION_MAJOR >= 7
using PqxxBase = pqxx::connection;

inline pqxx::connection adopt(RawConnection raw) { return pqxx::connection::seize_raw_connection(raw.release()); }
using AdoptedConnection = pqxx::connection;
#else
using PqxxBase = pqxx::connection_base;

/// libpqxx 6 asks a policy for its PGconn, and asks again after a lost connection. This policy returns it only once.
class GivenConnection : public pqxx::connectionpolicy {
  public:
    explicit GivenConnection(RawConnection raw) : connectionpolicy(std::string()), m_raw(std::move(raw)) {}
    handle do_startconnect(handle original) override {
        if (original == nullptr && !m_raw) {
            throw pqxx::broken_connection("the connection is gone");
        }
        return original != nullptr ? original : m_raw.release();
    }
    handle do_completeconnect(handle original) override { return do_startconnect(original); }

  private:
    RawConnection m_raw;
};

class AdoptedConnection : private GivenConnection, public pqxx::connection_base {
  public:
    explicit AdoptedConnection(RawConnection raw)
        : GivenConnection(std::move(raw)), connection_base(static_cast<connectionpolicy &>(*this)) {
        init();
    }
    ~AdoptedConnection() override { close(); }
};

inline AdoptedConnection adopt(RawConnection raw) { return AdoptedConnection(std::move(raw)); }
#endif

class PqxxConnection {
  public:
    explicit PqxxConnection(RawConnection raw) : m_raw(raw.get()), m_connection(adopt(std::move(raw))) {}
    /// Returns the PGconn, for what pqxx does not offer: COMMIT and its tag, notices, the socket. pqxx owns it.
    PGconn *raw() const noexcept { return m_raw; }
    PqxxBase &get() noexcept { return m_connection; }

  private:
    PGconn *m_raw;
    AdoptedConnection m_connection;
};

}  // namespace relay::db
