#include "relay/scan/container.hpp"

#include <algorithm>
#include <array>

namespace relay::scan {
namespace {

using namespace std::string_view_literals;

struct Magic {
    std::string_view bytes;
    Container kind;
};

constexpr Container gzip{"gzip", "zcat FILE"};
constexpr Container pgp{"PGP", "gpg --decrypt FILE"};
constexpr Container age{"age", "age --decrypt -i KEY-FILE FILE"};
constexpr Container zip{"zip", "unzip -p FILE"};
constexpr Container snappy{"snappy", "snzip -dc FILE"};
constexpr Container luks{"LUKS", ""};
constexpr Container cms{"PKCS #7", "openssl cms -decrypt -inform PEM -in FILE -inkey KEY-FILE"};
constexpr Container pem_key{"encrypted PEM", "openssl pkey -in FILE"};
constexpr Container sops{"sops", "sops decrypt FILE"};
constexpr Container uuencode{"uuencode", "uudecode -o - FILE"};

/// Sources: file(1)'s magic, and the formats' own descriptions (RFC 1952, RFC 8878, RFC 9580, age-encryption.org/v1).
constexpr std::array magics{
    Magic{"\x1f\x8b\x08"sv, gzip},
    Magic{"\x1f\x9d"sv, {"compress", "zcat FILE"}},
    Magic{"\xfd\x37zXZ\0"sv, {"xz", "xzcat FILE"}},
    Magic{"\x5d\0\0"sv, {"lzma", "xzcat FILE"}},
    Magic{"\x28\xb5\x2f\xfd"sv, {"zstd", "zstdcat FILE"}},
    Magic{"\x04\x22\x4d\x18"sv, {"lz4", "lz4cat FILE"}},
    Magic{"LZIP\x01"sv, {"lzip", "lzip -dc FILE"}},
    Magic{"\xff\x06\0\0sNaPpY"sv, snappy},
    Magic{"LUKS\xba\xbe"sv, luks},
    Magic{"-----BEGIN PKCS7-----"sv, cms},
    Magic{"-----BEGIN CMS-----"sv, cms},
    Magic{"-----BEGIN ENCRYPTED PRIVATE KEY-----"sv, pem_key},
    Magic{"Proc-Type: 4,ENCRYPTED"sv, pem_key},
    Magic{"ENC[AES256_GCM,"sv, sops},
    Magic{"PK\x03\x04"sv, zip},
    Magic{"PK\x05\x06"sv, zip},
    Magic{"7z\xbc\xaf\x27\x1c"sv, {"7z", "7z x -so FILE"}},
    Magic{"Rar!\x1a\x07"sv, {"rar", "unrar p -inul FILE"}},
    Magic{"age-encryption.org/v1"sv, age},
    Magic{"-----BEGIN AGE ENCRYPTED FILE-----"sv, age},
    Magic{"Salted__"sv, {"openssl enc", "openssl enc -d -aes-256-cbc -pbkdf2 -in FILE"}},
    Magic{"-----BEGIN PGP MESSAGE-----"sv, pgp},
    Magic{"\x8c\x0d\x04"sv, pgp},
    Magic{"\xc3\x0d\x04"sv, pgp},
    Magic{"\x84\x5e\x03"sv, pgp},
    Magic{"\x85\x01\x0c\x03"sv, pgp},
    Magic{"\x85\x02\x0c\x03"sv, pgp},
    Magic{"$ANSIBLE_VAULT;"sv, {"ansible-vault", "ansible-vault view FILE"}},
    Magic{"PGDMP"sv, {"pg_dump archive", "pg_restore -f - FILE"}},
    Magic{"%PDF-"sv, {"PDF", "pdftotext FILE -"}},
    Magic{"PACK\0\0\0"sv, {"git pack", ""}},
    Magic{"=ybegin "sv, {"yEnc", ""}},
    Magic{"x\x01"sv, {"zlib", "zlib-flate -uncompress < FILE"}},
    Magic{"x\x9c"sv, {"zlib", "zlib-flate -uncompress < FILE"}},
    Magic{"x\xda"sv, {"zlib", "zlib-flate -uncompress < FILE"}},
};

struct Base64Head {
    std::string_view characters;
    std::string_view what;
};

/// The bytes above in base64, as far as they decide it.
constexpr std::array base64_heads{
    Base64Head{"H4sI", "gzip in base64"},
    Base64Head{"KLUv", "zstd in base64"},
    Base64Head{"/Td6WFoA", "xz in base64"},
    Base64Head{"QlpoOTFBWSZTW", "bzip2 in base64"},
    Base64Head{"UEsDBB", "zip in base64"},
    Base64Head{"N3q8ryc", "7z in base64"},
    Base64Head{"U2FsdGVkX1", "openssl enc in base64"},
    Base64Head{"YWdlLWVuY3J5cHRpb24ub3JnL", "age in base64"},
    Base64Head{"TFpJUA", "lzip in base64"},
    Base64Head{"TFVLU7q+", "LUKS in base64"},
    Base64Head{"/wYAAHNOYVBwW", "snappy in base64"},
    Base64Head{"RU5DW0FFUzI1Nl9HQ00s", "sops in base64"},
};

/// POSIX, uuencode: `begin`, a mode of three or four octal digits, a name; then a line that begins with its length, M for a full one.
/// With `begin-base64`, the scan reads the lines as it reads all base64.
bool is_uuencoded(std::string_view head) {
    constexpr std::string_view begin = "begin ";
    if (!head.starts_with(begin)) {
        return false;
    }
    std::string_view const mode = head.substr(begin.size(), head.substr(begin.size()).find(' '));
    std::size_t const end = head.find_first_of("\r\n\\");
    return (mode.size() == 3 || mode.size() == 4) && mode.find_first_not_of("01234567") == mode.npos &&
           end != head.npos && end > begin.size() + mode.size() + 1;
}

}  // namespace

std::optional<Container> find_container(std::string_view head) {
    constexpr std::string_view bzip2_block = "\x31\x41\x59\x26\x53\x59"sv;
    if (head.starts_with("BZh") && head.substr(std::min<std::size_t>(head.size(), 4)).starts_with(bzip2_block)) {
        return Container{"bzip2", "bzcat FILE"};
    }
    if (is_uuencoded(head)) {
        return uuencode;
    }
    auto const at =
        std::find_if(magics.begin(), magics.end(), [&](Magic const &one) { return head.starts_with(one.bytes); });
    return at == magics.end() ? std::nullopt : std::optional(at->kind);
}

std::optional<std::string_view> container_in_base64(std::string_view head) {
    auto const at = std::find_if(base64_heads.begin(), base64_heads.end(),
                                 [&](Base64Head const &one) { return head.starts_with(one.characters); });
    return at == base64_heads.end() ? std::nullopt : std::optional(at->what);
}

}  // namespace relay::scan
