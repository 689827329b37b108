#include "cli/environment/render.hpp"

#include "cli/sink/format.hpp"
#include "relay/model/error.hpp"
#include "relay/model/text.hpp"

#include <algorithm>
#include <array>
#include <deque>

namespace relay::cli {

namespace {

/// Pieces of a text, put together once in guarded memory, so that no copy of a secret stays behind.
class Pieces {
  public:
    void add(std::string_view piece) { m_pieces.push_back(piece); }
    /// Adds `value`, with what `escape` returns in place of each character for which that is not empty.
    template <typename Escape>
    void add_escaped(std::string_view value, Escape const &escape) {
        std::size_t begin = 0;
        for (std::size_t at = 0; at < value.size();) {
            DecodedCodePoint const point = decode_utf8(value, at);
            std::string_view const instead = escape(point.value);
            if (!instead.empty()) {
                add(value.substr(begin, at - begin));
                add(instead);
                begin = at + point.length;
            }
            at += point.length;
        }
        add(value.substr(begin));
    }
    void add_base64(std::string_view value) { add(m_encoded.emplace_back(base64_secret(value)).reveal()); }

    SecretBuffer join() const {
        std::size_t size = 0;
        for (std::string_view const piece : m_pieces) {
            size += piece.size();
        }
        SecretBuffer text(size);
        auto out = text.writable().begin();
        for (std::string_view const piece : m_pieces) {
            out = std::copy(piece.begin(), piece.end(), out);
        }
        return text;
    }

  private:
    std::vector<std::string_view> m_pieces{};
    std::deque<SecretBuffer> m_encoded{};
};

/// In single quotes, only the quote itself needs more than itself.
std::string_view escape_sh(char32_t c) { return c == U'\'' ? R"('\'')" : ""; }

/// Of systemd's SHELL_NEED_ESCAPE: any other backslash would stay in the value.
std::string_view escape_systemd(char32_t c) {
    switch (c) {
        case U'"': return R"(\")";
        case U'\\': return R"(\\)";
        case U'$': return R"(\$)";
        case U'`': return R"(\`)";
        default: return "";
    }
}

/// For JSON, and for the double quotes of YAML 1.1 and 1.2. These also fold or refuse some characters beyond ASCII.
std::string_view escape_json(char32_t c) {
    static constexpr std::array<std::string_view, 32> controls{
        R"(\u0000)", R"(\u0001)", R"(\u0002)", R"(\u0003)", R"(\u0004)", R"(\u0005)", R"(\u0006)", R"(\u0007)",
        R"(\u0008)", R"(\u0009)", R"(\u000a)", R"(\u000b)", R"(\u000c)", R"(\u000d)", R"(\u000e)", R"(\u000f)",
        R"(\u0010)", R"(\u0011)", R"(\u0012)", R"(\u0013)", R"(\u0014)", R"(\u0015)", R"(\u0016)", R"(\u0017)",
        R"(\u0018)", R"(\u0019)", R"(\u001a)", R"(\u001b)", R"(\u001c)", R"(\u001d)", R"(\u001e)", R"(\u001f)"};
    switch (c) {
        case U'"': return R"(\")";
        case U'\\': return R"(\\)";
        case 0x7F: return R"(\u007f)";
        case 0x85: return R"(\u0085)";
        case 0x2028: return R"(\u2028)";
        case 0x2029: return R"(\u2029)";
        case 0xFEFF: return R"(\ufeff)";
        default: return c < controls.size() ? controls[c] : "";
    }
}

SecretBuffer render_lines(std::vector<Variable> const &variables, std::string_view before, std::string_view quote,
                          std::string_view (*escape)(char32_t)) {
    Pieces pieces;
    for (Variable const &variable : variables) {
        pieces.add(before);
        pieces.add(variable.name);
        pieces.add("=");
        pieces.add(quote);
        pieces.add_escaped(variable.value, escape);
        pieces.add(quote);
        pieces.add("\n");
    }
    return pieces.join();
}

SecretBuffer render_env(std::vector<Variable> const &variables) {
    for (Variable const &variable : variables) {
        if (variable.value.find_first_of("\r\n") != std::string_view::npos) {
            throw Error(ErrorKind::usage, "the value of " + std::string(variable.name) + " has a line break",
                        {.why = "in the format env, each line is a variable", .next = "use another --format"});
        }
    }
    return render_lines(variables, "", "", [](char32_t) { return std::string_view(); });
}

SecretBuffer render_json(std::vector<Variable> const &variables) {
    Pieces pieces;
    pieces.add("{");
    std::string_view before = "\n  \"";
    for (Variable const &variable : variables) {
        pieces.add(before);
        pieces.add(variable.name);
        pieces.add("\": \"");
        pieces.add_escaped(variable.value, escape_json);
        pieces.add("\"");
        before = ",\n  \"";
    }
    pieces.add("\n}\n");
    return pieces.join();
}

SecretBuffer render_k8s(std::vector<Variable> const &variables, ManifestForm const &manifest) {
    Pieces pieces;
    for (std::string_view const piece :
         {std::string_view("apiVersion: v1\nkind: "), std::string_view(manifest.secret ? "Secret" : "ConfigMap"),
          std::string_view("\nmetadata:\n  name: \""), std::string_view(manifest.name), std::string_view("\"\n")}) {
        pieces.add(piece);
    }
    if (manifest.name_space) {
        pieces.add("  namespace: \"");
        pieces.add(*manifest.name_space);
        pieces.add("\"\n");
    }
    pieces.add("  labels:\n    app.kubernetes.io/managed-by: relay-admin\n");
    pieces.add(manifest.secret ? "type: Opaque\ndata:\n" : "data:\n");
    for (Variable const &variable : variables) {
        pieces.add("  ");
        pieces.add(variable.name);
        pieces.add(": \"");
        if (manifest.secret) {
            pieces.add_base64(variable.value);
        } else {
            pieces.add_escaped(variable.value, escape_json);
        }
        pieces.add("\"\n");
    }
    return pieces.join();
}

}  // namespace

std::vector<std::string> const &environment_formats() {
    static std::vector<std::string> const words{"env", "sh", "systemd", "k8s", "json"};
    return words;
}

EnvironmentFormat environment_format(std::string_view word) {
    auto const &words = environment_formats();
    return static_cast<EnvironmentFormat>(std::find(words.begin(), words.end(), word) - words.begin());
}

SecretBuffer render_environment(EnvironmentFormat format, std::vector<Variable> const &variables,
                                ManifestForm const &manifest) {
    switch (format) {
        case EnvironmentFormat::env: return render_env(variables);
        case EnvironmentFormat::sh: return render_lines(variables, "export ", "'", escape_sh);
        case EnvironmentFormat::systemd: return render_lines(variables, "", "\"", escape_systemd);
        case EnvironmentFormat::k8s: return render_k8s(variables, manifest);
        case EnvironmentFormat::json: return render_json(variables);
    }
    throw Error(ErrorKind::internal, "no renderer for a format of an environment");
}

bool is_changed_by_compose(std::string_view value) {
    constexpr std::string_view blanks = " \t";
    return value.find_first_of("$\\'\"`#") != std::string_view::npos ||
           (!value.empty() && (blanks.find(value.front()) != std::string_view::npos ||
                               blanks.find(value.back()) != std::string_view::npos));
}

}  // namespace relay::cli
