#include "relay/db/connection_rules.hpp"

#include <algorithm>
#include <array>

namespace relay::db {
namespace {

using enum Reach;
using enum Remedy;
constexpr ErrorKind denied = ErrorKind::denied;
constexpr ErrorKind usage = ErrorKind::usage;
constexpr ErrorKind unavailable = ErrorKind::unavailable;

constexpr std::string_view get_certificate =
    "put its CA's certificate in ~/.postgresql/root.crt, or give it with sslrootcert= (sslmode=require checks less)";
constexpr std::string_view check_options = "correct or remove options= in the connection string";
constexpr std::string_view pooler_options =
    "remove this parameter from the connection string, or add it to ignore_startup_parameters in the pooler's settings";
constexpr std::string_view around_the_pooler =
    "connect to the server directly, or set pool_mode = transaction in the pooler's settings";
constexpr std::string_view pooler_names = "use a database name that the pooler's settings have ([databases])";
constexpr std::string_view check_name = "check the host name in the connection string";
constexpr std::string_view check_place = "check host= and port= in the connection string";
constexpr std::string_view other_method =
    "set another method for this login in the server's pg_hba.conf, such as scram-sha-256";
constexpr std::string_view check_client_files = "check the files of sslcert= and sslkey=";

/// What poolers say. They use few codes, and their words are never translated. PgBouncer 1.18 to 1.24, then others.
constexpr std::array pooler_rules{
    ConnectionRule{"", "transaction blocks not allowed in statement pooling mode", usage, this_host,
                   "the pooler is in statement mode, but every command needs a transaction", words, around_the_pooler},
    ConnectionRule{"", "unsupported startup parameter", usage, this_host, "the pooler refuses this parameter", words,
                   pooler_options},
    ConnectionRule{"", "unsupported options startup parameter", usage, this_host, "the pooler refuses this parameter",
                   words, pooler_options},
    ConnectionRule{"", "no such database", usage, this_host, "the pooler has no database of this name", words,
                   pooler_names},
    ConnectionRule{"", "no such user", denied, this_host, "the pooler does not know this user", check_login},
    ConnectionRule{"08P01", "auth failed", denied, all_hosts, "", check_login},
    ConnectionRule{"08P01", "authentication failed", denied, all_hosts, "", check_login},
    ConnectionRule{"08P01", "not allowed", denied, this_host, "the pooler does not let this user in", check_login},
    ConnectionRule{"08P01", "login rejected", denied, this_host, "the pooler refuses this login", check_login},
    ConnectionRule{"", "SSL required", usage, this_host, "the pooler accepts only TLS, and {tls}", words,
                   "connect with sslmode=require or stronger"},
    ConnectionRule{"", "bouncer config error", usage, this_host, "the pooler's own settings are not valid", words,
                   "check the pooler's settings and its log"},
    ConnectionRule{"", "Tenant or user not found", denied, this_host, "the pooler does not know this user", words,
                   "check the user name: this pooler expects the project in it (user.project)"},
    ConnectionRule{"", "Endpoint ID is not specified", usage, this_host,
                   "the pooler does not know which server is meant", words,
                   "connect with the whole host name that the provider gives, with TLS"},
    ConnectionRule{"", "RDS Proxy currently doesn", usage, this_host, "the pooler refuses this parameter", words,
                   check_options},
    ConnectionRule{"", "RDS Proxy has no credentials", denied, this_host, "the pooler does not know this user",
                   check_login},
    ConnectionRule{"", "No pool configured for database", usage, this_host, "the pooler has no database of this name",
                   words, pooler_names},
};

/// What servers say, in any language.
constexpr std::array server_rules{
    ConnectionRule{"28P01", "", denied, all_hosts, "", check_login},
    // The end of this message says whether TLS was missing; in another language, the next row has all that is known.
    ConnectionRule{"28000", "no encryption", denied, this_host,
                   "the server's pg_hba.conf has no line for this login without TLS", words,
                   "connect with sslmode=require or stronger, or add a line to the server's pg_hba.conf"},
    ConnectionRule{"28000", "SSL off", denied, this_host,
                   "the server's pg_hba.conf has no line for this login without TLS", words,
                   "connect with sslmode=require or stronger, or add a line to the server's pg_hba.conf"},
    ConnectionRule{"28000", "pg_hba.conf", denied, this_host,
                   "the server's pg_hba.conf has no line that accepts this login from here", words,
                   "check the user name and the database, or add a line to the server's pg_hba.conf"},
    ConnectionRule{"28000", "Peer authentication", denied, this_host,
                   "over its unix socket, the server accepts only the operating system's user of the same name", words,
                   "run the command as the user {user} (sudo -u), or connect over TCP with a password"},
    ConnectionRule{"28", "", denied, all_hosts, "", check_login},
    ConnectionRule{"42501", "parameter", denied, all_hosts,
                   "options= in the connection string sets it, and the role may not", words, check_options},
    ConnectionRule{"42501", "", denied, all_hosts, "the role has no CONNECT privilege on this database", words,
                   "as the database's owner, run: GRANT CONNECT ON DATABASE {database} TO {user}"},
    ConnectionRule{"3D000", "", usage, all_hosts, "", create_database},
    ConnectionRule{"55000", "", usage, all_hosts, "the server accepts no connections to this database", words,
                   "connect to another database"},
    // At this point only options= can have caused these.
    ConnectionRule{"42", "", usage, all_hosts, "options= in the connection string is not valid on this server", words,
                   check_options},
    ConnectionRule{"22", "", usage, all_hosts, "options= in the connection string is not valid on this server", words,
                   check_options},
    ConnectionRule{"55P02", "", usage, all_hosts, "options= in the connection string sets it, and no session may",
                   words, check_options},
    ConnectionRule{"0A000", "", usage, this_host, "the server or pooler does not support what the connection asks for",
                   words, check_options},
};

/// What libpq and the system say, in English, because this program never calls setlocale.
constexpr std::array libpq_rules{
    ConnectionRule{"", "/bouncer", usage, this_host, "this is PgBouncer's own console, which has no data", words,
                   "give the name of a database that the pooler serves: dbname= in the connection string"},
    ConnectionRule{"", "is not PostgreSQL 13 or newer", usage, this_host,
                   "the program needs a PostgreSQL server of version 13 to 18", words,
                   "check host=, port= and dbname= in the connection string"},
    ConnectionRule{"", "expected authentication request", unavailable, this_host,
                   "no PostgreSQL server answers there, but another service", words, check_place},
    ConnectionRule{"", "invalid response to", unavailable, this_host,
                   "no PostgreSQL server answers there, but another service", words, check_place},
    ConnectionRule{"", "SASL authentication mechanisms", denied, this_host,
                   "the server offers only ways to log in that this machine's libpq does not know", words,
                   other_method},
    ConnectionRule{"", "authentication method requirement", usage, this_host,
                   "the connection asks for require_auth=", words,
                   "use that method in the server's pg_hba.conf, or remove require_auth= from the connection string"},
    ConnectionRule{"", "authentication method", denied, this_host,
                   "the server asks for a way to log in that this machine's libpq does not know", words, other_method},
    ConnectionRule{"", "authentication not supported", denied, this_host,
                   "the server asks for a way to log in that this machine's libpq does not know", words, other_method},
    ConnectionRule{"", "no password supplied", denied, all_hosts, "", supply_password},
    ConnectionRule{"", "does not support SSL", usage, this_host, "{tls}, but this server offers no TLS", words,
                   "turn on TLS in the server (ssl = on); on a network that you trust, ask for less: sslmode=disable"},
    ConnectionRule{"", "root certificate file", usage, all_hosts, "{tls}", words, get_certificate},
    ConnectionRule{"", "does not match host name", usage, this_host,
                   "{tls}, but the server's certificate is for another name", words,
                   "connect with a host name that the certificate has"},
    ConnectionRule{"", "certificate verify failed", usage, this_host,
                   "{tls}, but no CA that this machine trusts has signed the server's certificate", words,
                   get_certificate},
    ConnectionRule{"", "private key", usage, all_hosts, "the client certificate or its key cannot be used", words,
                   check_client_files},
    ConnectionRule{"", "could not read certificate file", usage, all_hosts, "the client certificate cannot be used",
                   words, check_client_files},
    ConnectionRule{"", "alert certificate required", usage, this_host, "the server asks for a client certificate",
                   words, "give one with sslcert= and sslkey="},
    ConnectionRule{"", "certificate", usage, this_host, "{tls}", words, get_certificate},
    ConnectionRule{"", " alert ", usage, this_host, "this machine and the server do not agree on TLS", words,
                   "check sslcert= and ssl_min_protocol_version=, and the server's ssl settings"},
    ConnectionRule{"", "wrong version number", usage, this_host, "the server does not speak TLS on this port", words,
                   "check the port, and the server's ssl settings"},
    ConnectionRule{"", "channel binding", usage, this_host,
                   "the connection asks for channel_binding=require, but this server does not offer it", words,
                   "use SCRAM and TLS on the server, or remove channel_binding= from the connection string"},
    ConnectionRule{"", "GSSAPI encryption", usage, this_host, "the connection asks for gssencmode=require", words,
                   "get a Kerberos ticket (kinit), or remove gssencmode= from the connection string"},
    ConnectionRule{"", "GSSAPI", denied, this_host, "the server asks for a Kerberos ticket", words,
                   "get a ticket (kinit), or set another method for this login in the server's pg_hba.conf"},
    ConnectionRule{"", "requirepeer", usage, this_host, "the connection asks for requirepeer=", words,
                   "check which user runs the server"},
    ConnectionRule{"", "Unix-domain socket path", usage, this_host, "", words, "use a shorter folder in host="},
    ConnectionRule{"", "Name or service not known", usage, this_host, "", words, check_name},
    ConnectionRule{"", "No address associated with hostname", usage, this_host, "", words, check_name},
    ConnectionRule{"", "Name does not resolve", usage, this_host, "", words, check_name},
};

constexpr ConnectionRule no_answer{"", "", unavailable, this_host, "", reach_server};
constexpr ConnectionRule unknown_fault{"", "", unavailable, this_host, "", try_again};

template <typename Rules>
ConnectionRule const *first_fit(Rules const &rules, Attempt const &attempt) {
    auto const found = std::find_if(rules.begin(), rules.end(), [&](ConnectionRule const &rule) {
        return attempt.sqlstate.starts_with(rule.sqlstate) && attempt.words.find(rule.words) != std::string::npos;
    });
    return found == rules.end() ? nullptr : &*found;
}

}  // namespace

ConnectionRule const &find_rule(Attempt const &attempt) {
    if (attempt.sqlstate.empty()) {
        ConnectionRule const *const found = first_fit(libpq_rules, attempt);
        return found != nullptr ? *found : no_answer;
    }
    if (ConnectionRule const *const found = first_fit(pooler_rules, attempt)) {
        return *found;
    }
    ConnectionRule const *const found = first_fit(server_rules, attempt);
    return found != nullptr ? *found : unknown_fault;
}

}  // namespace relay::db
