#include "cli/documents/whoami.hpp"

#include "cli/documents/fields.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>

namespace relay::cli {

namespace {

db::ConnectionSetting find(std::vector<db::ConnectionSetting> const &settings, std::string_view keyword) {
    auto const found =
        std::find_if(settings.begin(), settings.end(), [&](auto const &setting) { return setting.keyword == keyword; });
    return found == settings.end() ? db::ConnectionSetting{} : *found;
}

std::string joined(std::vector<std::string> const &texts) {
    std::string text;
    for (std::string const &part : texts) {
        text += (text.empty() ? "" : ", ") + part;
    }
    return text;
}

/// Returns what the roles may do, in the words of the commands.
std::string describe_rights(WhoAmI const &who) {
    static std::map<std::string, std::string> const meaning{
        {"relay_auditor", "read"},
        {"relay_gateway", "check keys"},
        {"relay_owner", "apply migrations"},
        {"relay_provisioner", "create, update, rotate, block, revoke, restore, read"},
        {"relay_responder", "block, unblock, revoke, read"},
        {"relay_tenant", "read one organization"},
        {"relay_billing", "set subscriptions"},
    };
    if (who.superuser) {
        return "everything: it is a superuser";
    }
    std::vector<std::string> rights;
    for (std::string const &group : who.groups) {
        rights.push_back(meaning.at(group) + " (" + group + ")");
    }
    return rights.empty() ? "nothing here: it is not a member of a relay_ group" : joined(rights);
}

std::string describe_place(WhoAmI const &who) {
    std::string const port = who.link.host.starts_with('/') ? ", port " : ":";
    return who.database + " at " + who.link.host + port + who.link.port;
}

std::string describe_role(WhoAmI const &who) {
    return who.session_user == who.current_user ? who.current_user
                                                : who.current_user + " (logged in as " + who.session_user + ")";
}

std::string describe_tls(WhoAmI const &who, std::string const &sslmode) {
    if (who.link.tls_version) {
        return *who.link.tls_version + ", " + who.link.tls_cipher.value_or("") + ", sslmode " + sslmode;
    }
    return who.link.host.starts_with('/') ? "none: a local socket" : "none, sslmode " + sslmode;
}

std::string describe_schema_state(WhoAmI const &who) {
    return who.schema_state ? std::string(text_of(*who.schema_state)) : "not readable";
}

std::string describe_schema(WhoAmI const &who) {
    std::string text = describe_schema_state(who);
    if (!who.schema_version) {
        return text;
    }
    text += *who.schema_version == 0 ? "" : ", version " + std::to_string(*who.schema_version);
    return *who.schema_version == who.known_schema_version
               ? text
               : text + "; this program needs version " + std::to_string(who.known_schema_version);
}

/// Returns a setting. A secret has no value here, only whether it is set.
Record setting(std::string name, Value value, std::string origin, bool is_hidden = false) {
    bool const is_set = is_hidden || !std::holds_alternative<std::monostate>(value);
    Value shown = is_hidden ? Value("(hidden)") : value;
    return {{"name", "SETTING", std::move(name)},
            {"", "VALUE", std::move(shown)},
            machine_only("value", std::move(value)),
            {"origin", "FROM", std::move(origin)},
            machine_only("set", is_set)};
}

std::string timeout_text(std::chrono::milliseconds timeout) {
    using namespace std::chrono_literals;
    return timeout % 1s == 0ms ? std::to_string(timeout / 1s) + "s" : std::to_string(timeout.count()) + "ms";
}

Record color_setting(ColorChoice choice) {
    if (choice != ColorChoice::automatic) {
        return setting("color", choice == ColorChoice::always ? "always" : "never", "--color");
    }
    for (auto const &[variable, value] : {std::pair("NO_COLOR", "never"), std::pair("CLICOLOR_FORCE", "always")}) {
        char const *const set = std::getenv(variable);
        if (set != nullptr && *set != '\0' && (*value == 'n' || std::string_view(set) != "0")) {
            return setting("color", value, variable);
        }
    }
    return setting("color", "auto", "default");
}

}  // namespace

Document whoami_document(WhoAmI const &who, std::vector<db::ConnectionSetting> const &settings,
                         ClaimedActor const &actor) {
    std::string const sslmode = find(settings, "sslmode").value.value_or("");
    return {
        .kind = "WhoAmI",
        .id_key = "session_user",
        .data =
            {
                people_only("Database", describe_place(who)),
                people_only("Name", who.label.name ? Value(describe(who.label)) : Value()),
                people_only("Server",
                            "PostgreSQL " + who.server_version + (who.standby ? ", standby: read-only" : ", primary")),
                people_only("Role", describe_role(who)),
                people_only("May", describe_rights(who)),
                people_only("TLS", describe_tls(who, sslmode)),
                people_only("Password", who.link.used_password ? "required and accepted" : "not required"),
                people_only("Actor", actor.name + " (claimed, from " + actor.origin + ")"),
                people_only("Schema", describe_schema(who)),
                machine_only("database", who.database),
                machine_only("database_name", who.label.name),
                machine_only("production", who.label.production),
                machine_only("host", who.link.host),
                machine_only("port", who.link.port),
                machine_only("server_version", who.server_version),
                machine_only("standby", who.standby),
                machine_only("session_user", who.session_user),
                machine_only("current_user", who.current_user),
                machine_only("superuser", who.superuser),
                machine_only("groups", who.groups),
                machine_only("tls", who.link.tls_version.has_value()),
                machine_only("tls_version", who.link.tls_version),
                machine_only("tls_cipher", who.link.tls_cipher),
                machine_only("sslmode", or_null(sslmode)),
                machine_only("password_used", who.link.used_password),
                machine_only("actor", actor.name),
                machine_only("actor_origin", actor.origin),
                machine_only("schema_state", describe_schema_state(who)),
                machine_only("schema_version", who.schema_version ? Value(std::int64_t{*who.schema_version}) : Value()),
                machine_only("known_schema_version", std::int64_t{who.known_schema_version}),
            },
    };
}

Document config_document(Globals const &globals, std::vector<db::ConnectionSetting> const &settings,
                         ClaimedActor const &actor) {
    Document document{.kind = "SettingList", .id_key = "name", .is_list = true, .columns = blank(setting("", "", ""))};
    for (db::ConnectionSetting const &known : settings) {
        document.items.push_back(setting(known.keyword, known.value, known.origin, known.is_set && known.is_secret));
    }
    if (settings.empty()) {
        document.items.push_back(setting("host", Value(), "--sandbox, which is not running; it starts when needed"));
    }
    document.items.push_back(setting("output", std::string(format_name(globals.format)), globals.format_origin));
    document.items.push_back(setting("database_name", Value(), "the database, which this command does not ask"));
    document.items.push_back(setting("timeout", timeout_text(globals.timeout), globals.timeout_origin));
    document.items.push_back(color_setting(globals.color));
    document.items.push_back(setting("actor", actor.name, actor.origin));
    return document;
}

}  // namespace relay::cli
