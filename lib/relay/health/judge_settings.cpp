#include "relay/health/judges.hpp"

#include "relay/model/text.hpp"

#include <fmt/format.h>
#include <algorithm>

namespace relay::doctor {
namespace {

/// Which statements the server logs beside those that fail; empty: none.
std::string logged_statements(sql::ServerFacts const &facts) {
    std::vector<std::string> reasons;
    if (setting_of(facts, "log_statement") == "all") {
        reasons.emplace_back("log_statement = all");
    }
    auto const is_on = [&](char const *name, std::string_view off) {
        std::string const value = setting_of(facts, name);
        return !value.empty() && value != off;
    };
    if (is_on("log_min_duration_statement", "-1")) {
        reasons.push_back(
            fmt::format("log_min_duration_statement = {} ms", setting_of(facts, "log_min_duration_statement")));
    }
    if (is_on("log_min_duration_sample", "-1") && is_on("log_statement_sample_rate", "0")) {
        reasons.push_back(fmt::format("log_min_duration_sample = {} ms", setting_of(facts, "log_min_duration_sample")));
    }
    if (is_on("log_transaction_sample_rate", "0")) {
        reasons.push_back("log_transaction_sample_rate = " + setting_of(facts, "log_transaction_sample_rate"));
    }
    return fmt::format("{}", fmt::join(reasons, ", "));
}

/// Returns the setting; empty if it is `off`, or unknown to the server.
std::string setting_unless(sql::ServerFacts const &facts, char const *name, std::string_view off) {
    std::string const value = setting_of(facts, name);
    return value == off ? std::string() : value;
}

/// A module that logs statements, if this session has loaded it.
struct LoggingModule {
    std::string how{};  ///< "auto_explain.log_min_duration = 0 ms"; empty: it logs nothing
    std::string parameters{};  ///< the setting that decides about parameters
    std::string without{};  ///< its value without them
    bool with_parameters = false;
};

/// Since PostgreSQL 16, auto_explain logs parameters unless it is forbidden.
LoggingModule auto_explain(sql::ServerFacts const &facts) {
    std::string const duration = setting_unless(facts, "auto_explain.log_min_duration", "-1");
    if (duration.empty()) {
        return {};
    }
    std::string const length = setting_of(facts, "auto_explain.log_parameter_max_length");
    return {.how = fmt::format("auto_explain.log_min_duration = {} ms", duration),
            .parameters = "auto_explain.log_parameter_max_length",
            .without = "0",
            .with_parameters = !length.empty() && length != "0"};
}

LoggingModule pgaudit(sql::ServerFacts const &facts) {
    std::string const classes = setting_unless(facts, "pgaudit.log", "none");
    if (classes.empty()) {
        return {};
    }
    return {.how = "pgaudit.log = " + classes,
            .parameters = "pgaudit.log_parameter",
            .without = "off",
            .with_parameters = setting_of(facts, "pgaudit.log_parameter") == "on"};
}

/// "gw1 (log_statement=all, log_min_duration_statement=0)", for each login.
std::vector<std::string> by_login(std::vector<sql::GatewayLogSetting> const &own) {
    std::map<std::string, std::vector<std::string>> settings;
    for (sql::GatewayLogSetting const &one : own) {
        settings[one.login].push_back(one.setting);
    }
    std::vector<std::string> texts;
    for (auto const &[login, all] : settings) {
        texts.push_back(fmt::format("{} ({})", login, fmt::join(all, ", ")));
    }
    return texts;
}

std::string undo_each(std::vector<sql::GatewayLogSetting> const &own) {
    std::string statements;
    for (sql::GatewayLogSetting const &one : own) {
        statements += (statements.empty() ? "" : "; ") + one.undo;
    }
    return statements;
}

}  // namespace

std::string first_of(std::vector<std::string> const &names) {
    constexpr std::size_t most = 3;
    auto const end = names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), most));
    std::string text = fmt::format("{}", fmt::join(names.begin(), end, ", "));
    return names.size() > most ? fmt::format("{} and {} more", text, names.size() - most) : text;
}

std::string setting_of(sql::ServerFacts const &facts, char const *name) {
    auto const found = facts.settings.find(name);
    return found == facts.settings.end() ? std::string() : found->second;
}

std::string set_server_setting(sql::ServerFacts const &facts, std::string const &name, std::string const &value) {
    std::string const statement = fmt::format("ALTER SYSTEM SET {} = {}; SELECT pg_reload_conf()", name, value);
    std::string const server =
        !facts.managed_by.empty()
            ? fmt::format("set {} = {} where your provider keeps the parameters of this server", name, value)
        : facts.superuser
            ? statement
            : "as a superuser: " + statement + "; on a managed server, set it in the provider's parameters";
    auto const overruled = facts.undo.find(name);
    return overruled == facts.undo.end() ? server : overruled->second + "; then " + server;
}

CheckResult judge_durability(sql::ServerFacts const &facts) {
    if (setting_of(facts, "fsync") == "off") {
        return {"server.durability", CheckStatus::error,
                "fsync is off: a crash of the machine can lose or destroy everything, revocations included",
                set_server_setting(facts, "fsync", "on")};
    }
    if (setting_of(facts, "full_page_writes") == "off") {
        return {"server.durability", CheckStatus::warn,
                "full_page_writes is off: a crash destroys pages, unless the file system writes them whole (ZFS)",
                set_server_setting(facts, "full_page_writes", "on")};
    }
    if (setting_of(facts, "synchronous_commit") == "off") {
        return {"server.durability", CheckStatus::ok,
                "synchronous_commit is off for this role or database, which this program overrules in each transaction",
                ""};
    }
    return {"server.durability", CheckStatus::ok,
            "fsync and full_page_writes are on, and a commit waits for the disk (synchronous_commit = " +
                setting_of(facts, "synchronous_commit") + ")",
            ""};
}

CheckResult judge_password_hashing(sql::ServerFacts const &facts, sql::KeptPasswords const &kept) {
    if (setting_of(facts, "password_encryption") == "md5") {
        return {"server.passwords", CheckStatus::warn,
                "password_encryption is md5: anyone who copies the hash of a login's password can log in with it",
                Advice(set_server_setting(facts, "password_encryption", "'scram-sha-256'"))
                    .also("then set the passwords again")};
    }
    if (!kept.md5.empty()) {
        return {"server.passwords", CheckStatus::warn,
                fmt::format("the password of {} of {} is kept as md5, and anyone who copies that hash can log in with "
                            "it: {}",
                            kept.md5.size(), counted(kept.logins, "login"), first_of(kept.md5)),
                "set their passwords again: \\password NAME in psql"};
    }
    if (!kept.visible) {
        return {"server.passwords", CheckStatus::ok,
                "new passwords are kept as SCRAM verifiers; this role may not see how existing ones are kept", ""};
    }
    return {"server.passwords", CheckStatus::ok,
            kept.logins == 0 ? "no login has a password, and new ones will be kept as SCRAM verifiers"
                             : fmt::format("the passwords of {} are kept as SCRAM verifiers, and new ones will be",
                                           counted(kept.logins, "login")),
            ""};
}

CheckResult judge_logging(sql::ServerFacts const &facts, std::vector<sql::GatewayLogSetting> const &own) {
    constexpr std::string_view harm =
        "digests of keys get into the server's log, and a gateway's login can pass for an agent with one";
    std::string logged = logged_statements(facts);
    bool const core_logs = !logged.empty();
    if (core_logs && setting_of(facts, "log_parameter_max_length") != "0") {
        return {"server.logging", CheckStatus::warn,
                fmt::format("statements are logged with their parameters ({}): {}", logged, harm),
                set_server_setting(facts, "log_parameter_max_length", "0")};
    }
    if (setting_of(facts, "log_parameter_max_length_on_error") != "0") {
        return {"server.logging", CheckStatus::warn,
                fmt::format("statements that fail or time out are logged with their parameters "
                            "(log_parameter_max_length_on_error = {}): {}",
                            setting_of(facts, "log_parameter_max_length_on_error"), harm),
                set_server_setting(facts, "log_parameter_max_length_on_error", "0")};
    }
    LoggingModule const modules[] = {auto_explain(facts), pgaudit(facts)};
    for (LoggingModule const &module : modules) {
        if (module.with_parameters) {
            return {"server.logging", CheckStatus::warn,
                    fmt::format("statements are logged with their parameters ({}): {}", module.how, harm),
                    set_server_setting(facts, module.parameters, module.without)};
        }
        if (!module.how.empty()) {
            logged += (logged.empty() ? "" : ", ") + module.how;
        }
    }
    if (!own.empty()) {
        return {"server.logging", CheckStatus::warn,
                "sessions of gateways have other settings of the log than this one: " + first_of(by_login(own)),
                undo_each(own)};
    }
    return {"server.logging", CheckStatus::ok,
            fmt::format("{}, and log_parameter_max_length_on_error is 0, for this session and the logins of gateways",
                        logged.empty() ? "no setting logs statements that succeed"
                        : core_logs    ? fmt::format("statements are logged without their parameters ({}, "
                                                        "log_parameter_max_length = 0)",
                                                     logged)
                                       : fmt::format("statements are logged without their parameters ({})", logged)),
            ""};
}

}  // namespace relay::doctor
