#pragma once

#include "relay/db/conninfo_checks.hpp"
#include "relay/db/database.hpp"

#include <libpq-fe.h>
#include <cstdlib>
#include <memory>

/// libpq's own parser of connection strings and settings, for what this program must know before it connects. One
/// thread at a time, because these functions change the environment while they run.
namespace relay::db {

struct FreeOptions {
    void operator()(PQconninfoOption *options) const { PQconninfoFree(options); }
};
using Options = std::unique_ptr<PQconninfoOption, FreeOptions>;

/// Sets an environment variable (or with null, unsets it) until the end of the scope: the only way to ask libpq's
/// resolver, PQconndefaults, "what if".
class ScopedVariable {
  public:
    ScopedVariable(char const *name, char const *value);
    ~ScopedVariable() { m_was_set ? setenv(m_name, m_old.c_str(), 1) : unsetenv(m_name); }
    ScopedVariable(ScopedVariable const &) = delete;
    ScopedVariable &operator=(ScopedVariable const &) = delete;

  private:
    char const *m_name;
    std::string m_old{};
    bool m_was_set = false;
};

/// Returns the options that have a value, up to the null keyword; `options` may be null.
Keywords keywords_of(PQconninfoOption const *options);

/// Returns the keywords of `settings.conninfo` only. Throws Error (usage) with our own text, because libpq's parse
/// errors print parts of the password.
Keywords parse_conninfo(Settings const &settings);

/// Returns the service that is named in `given` or in PGSERVICE; null if none is.
char const *service_of(Keywords const &given);

}  // namespace relay::db
