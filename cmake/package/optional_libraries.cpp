// Kerberos and LDAP for relay-admin-static. The static libpq calls them, but Debian has no static Kerberos, and if the
// program named the shared libraries, it would not start on a machine without them. So they are loaded at the first
// call. Without the library, libpq gets the error that it expects from it: a connection is then made without Kerberos,
// and a service file that points to LDAP is refused.
//
// The signatures are those of RFC 2744 and of OpenLDAP's ldap.h, with `void *` for each handle. If libpq calls a
// function that is not here, the program does not link.

#include <dlfcn.h>
#include <sys/time.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace {

void *open_first(std::initializer_list<char const *> names) {
    for (char const *name : names) {
        if (void *const library = dlopen(name, RTLD_NOW | RTLD_LOCAL)) {
            return library;
        }
    }
    return nullptr;
}

void *kerberos() {
    static void *const library = open_first({"libgssapi_krb5.so.2"});
    return library;
}

void *ldap() {
    static void *const library =
        open_first({"libldap.so.2", "libldap-2.5.so.0", "libldap-2.4.so.2", "libldap_r-2.4.so.2"});
    return library;
}

void *find(void *library, char const *name) { return library ? dlsym(library, name) : nullptr; }

using Status = std::uint32_t;

constexpr Status gss_failure = 13U << 16U;

struct GssBuffer {
    std::size_t length;
    void const *value;
};

struct GssOid {
    Status length;
    void const *elements;
};

// What libpq shows when a server asks for Kerberos: after the first failure it asks for the text.
Status describe_missing(Status *more, GssBuffer *text) {
    static constexpr std::string_view message = "libgssapi_krb5.so.2 is not installed";
    *more = 0;
    *text = {message.size(), message.data()};
    return 0;
}

template <typename Result>
Result nothing() {
    return Result();
}

constexpr GssOid hostbased_service{10, "\x2a\x86\x48\x86\xf7\x12\x01\x02\x01\x04"};

}  // namespace

extern "C" {
extern GssOid const *const GSS_C_NT_HOSTBASED_SERVICE;
GssOid const *const GSS_C_NT_HOSTBASED_SERVICE = &hostbased_service;
}

// Defines `result name(parameters)`: it calls the function of that name in the library, or is `missing`.
#define RELAY_FORWARD(library, result, missing, name, parameters, arguments)                       \
    extern "C" result name parameters;                                                             \
    extern "C" result name parameters {                                                            \
        static auto const loaded = reinterpret_cast<result(*) parameters>(find(library(), #name)); \
        return loaded ? loaded arguments : (missing);                                              \
    }

#define RELAY_GSS(name, parameters, arguments) RELAY_FORWARD(kerberos, Status, gss_failure, name, parameters, arguments)

RELAY_GSS(gss_acquire_cred,
          (Status * minor, void *name, Status time, void *wanted, int usage, void **credential, void **actual,
           Status *remaining),
          (minor, name, time, wanted, usage, credential, actual, remaining))
RELAY_GSS(gss_delete_sec_context, (Status * minor, void **context, GssBuffer *token), (minor, context, token))
RELAY_GSS(gss_import_name, (Status * minor, GssBuffer *text, GssOid *kind, void **name), (minor, text, kind, name))
RELAY_GSS(gss_init_sec_context,
          (Status * minor, void *credential, void **context, void *target, GssOid *mechanism, Status flags, Status time,
           void *bindings, GssBuffer *input, GssOid **actual, GssBuffer *output, Status *got, Status *remaining),
          (minor, credential, context, target, mechanism, flags, time, bindings, input, actual, output, got, remaining))
RELAY_GSS(gss_release_cred, (Status * minor, void **credential), (minor, credential))
RELAY_GSS(gss_release_name, (Status * minor, void **name), (minor, name))
RELAY_GSS(gss_unwrap,
          (Status * minor, void *context, GssBuffer *input, GssBuffer *output, int *sealed, Status *quality),
          (minor, context, input, output, sealed, quality))
RELAY_GSS(gss_wrap,
          (Status * minor, void *context, int seal, Status quality, GssBuffer *input, int *sealed, GssBuffer *output),
          (minor, context, seal, quality, input, sealed, output))
RELAY_GSS(gss_wrap_size_limit, (Status * minor, void *context, int seal, Status quality, Status size, Status *limit),
          (minor, context, seal, quality, size, limit))
RELAY_FORWARD(kerberos, Status, describe_missing(more, text), gss_display_status,
              (Status * minor, Status status, int kind, GssOid *mechanism, Status *more, GssBuffer *text),
              (minor, status, kind, mechanism, more, text))
// Without the library, the only buffer is that of describe_missing, which is not to be freed.
RELAY_FORWARD(kerberos, Status, 0, gss_release_buffer, (Status * minor, GssBuffer *buffer), (minor, buffer))

// Without the library, ldap_init returns null, and libpq calls none of the others.
#define RELAY_LDAP(result, name, parameters, arguments) \
    RELAY_FORWARD(ldap, result, nothing<result>(), name, parameters, arguments)

RELAY_LDAP(void *, ldap_init, (char const *host, int port), (host, port))
RELAY_LDAP(int, ldap_set_option, (void *session, int option, void const *value), (session, option, value))
RELAY_LDAP(int, ldap_simple_bind, (void *session, char const *who, char const *password), (session, who, password))
RELAY_LDAP(int, ldap_unbind, (void *session), (session))
RELAY_LDAP(int, ldap_result, (void *session, int id, int all, timeval *time, void **result),
           (session, id, all, time, result))
RELAY_LDAP(int, ldap_search_st,
           (void *session, char const *base, int scope, char const *filter, char **attributes, int types_only,
            timeval *time, void **result),
           (session, base, scope, filter, attributes, types_only, time, result))
RELAY_LDAP(int, ldap_count_entries, (void *session, void *chain), (session, chain))
RELAY_LDAP(void *, ldap_first_entry, (void *session, void *chain), (session, chain))
RELAY_LDAP(void **, ldap_get_values_len, (void *session, void *entry, char const *name), (session, entry, name))
RELAY_LDAP(int, ldap_msgfree, (void *message), (message))
RELAY_LDAP(char *, ldap_err2string, (int error), (error))
RELAY_LDAP(void, ldap_value_free_len, (void **values), (values))
