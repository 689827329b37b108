#pragma once

#include <libpq-fe.h>
#include <memory>

namespace relay::db {

/// Asks the server to cancel what a connection is doing, over another connection: so it also works when the first one is
/// broken, and the server would not notice before it has something to send.
class Canceller {
  public:
    explicit Canceller(PGconn *connection);
    /// Waits until the server has heard it, at most a second: libpq has no bound. It is not an error if that
    /// fails, because the server notices in the end.
    void cancel() const noexcept;

  private:
    std::shared_ptr<PGcancel> m_handle;
};

}  // namespace relay::db
