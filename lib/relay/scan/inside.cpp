#include "relay/scan/inside.hpp"

#include <algorithm>
#include <array>

namespace relay::scan {
namespace {

using namespace std::string_view_literals;

/// How many bytes from the start of a signature its check may look at.
constexpr std::size_t header_size = 48;

/// A byte of a header; 0x100 behind its end, so no check passes without having seen the byte.
constexpr unsigned byte(std::string_view header, std::size_t at) {
    return at < header.size() ? static_cast<unsigned char>(header[at]) : 0x100U;
}

bool always(std::string_view) { return true; }

/// RFC 1952: flags, level of compression, number of an operating system.
bool is_gzip(std::string_view header) {
    unsigned const level = byte(header, 8);
    unsigned const system = byte(header, 9);
    return byte(header, 3) < 0x20 && (level == 0 || level == 2 || level == 4) && (system <= 13 || system == 255);
}

bool is_bzip2(std::string_view header) { return header.size() > 4 && header.substr(4).starts_with("1AY&SY"); }

/// APPNOTE.TXT, 4.3.7: version, flags and method. A member that is only stored can be read.
bool is_packed(std::string_view header) {
    bool const encrypted = (byte(header, 6) & 1U) != 0;
    return byte(header, 5) < 0x20 && byte(header, 9) == 0 && (byte(header, 8) != 0 || encrypted);
}

/// RFC 8878, 3.1.1.1: no dictionary; the reserved bit is 0.
bool is_zstd(std::string_view header) { return (byte(header, 4) & 0x10BU) == 0; }

/// lz4_Frame_format.md: version 01; the reserved bits are 0.
bool is_lz4(std::string_view header) { return (byte(header, 4) & 0x1C2U) == 0x40 && (byte(header, 5) & 0x18FU) == 0; }

/// RFC 9580, 6.2: the line ends behind its dashes, in a log also as `\n`. In a text about it, more words follow.
bool is_armour(std::string_view header) {
    std::size_t const dashes = header.find("-----", 5);
    return dashes != header.npos && header.substr(dashes + 5).find_first_of("\r\n\\") == 0;
}

/// draft-diaz-lzip, 2: the size of the dictionary, from 4 KiB to 512 MiB.
bool is_lzip(std::string_view header) { return (byte(header, 5) & 0x1FU) >= 12 && (byte(header, 5) & 0x1FU) <= 29; }

/// What a kind of file begins with, by find_container.
struct Signature {
    std::string_view bytes;
    std::size_t rare;  ///< which of the bytes is the rarest in texts: it is looked for first
    bool (*check)(std::string_view header);
};

constexpr std::array signatures{
    Signature{"\x1f\x8b\x08"sv, 0, is_gzip},
    Signature{"BZh"sv, 1, is_bzip2},
    Signature{"\xfd\x37zXZ\0"sv, 0, always},
    Signature{"\x28\xb5\x2f\xfd"sv, 1, is_zstd},
    Signature{"\x04\x22\x4d\x18"sv, 0, is_lz4},
    Signature{"PK\x03\x04"sv, 2, is_packed},
    Signature{"7z\xbc\xaf\x27\x1c"sv, 2, always},
    Signature{"Rar!\x1a\x07"sv, 4, always},
    Signature{"age-encryption.org/v1\n"sv, 3, always},
    Signature{"Salted__"sv, 0, always},
    Signature{"$ANSIBLE_VAULT;1."sv, 0, always},
    Signature{"LZIP\x01"sv, 4, is_lzip},
    Signature{"\xff\x06\0\0sNaPpY"sv, 0, always},
    Signature{"LUKS\xba\xbe"sv, 4, always},
    Signature{"ENC[AES256_GCM,"sv, 3, always},
    Signature{"Proc-Type: 4,ENCRYPTED"sv, 4, always},
    Signature{"-----BEGIN PKCS7-----"sv, 6, is_armour},
    Signature{"-----BEGIN CMS-----"sv, 6, is_armour},
    Signature{"-----BEGIN ENCRYPTED PRIVATE KEY-----"sv, 6, is_armour},
    Signature{"-----BEGIN PGP MESSAGE-----"sv, 6, is_armour},
    Signature{"-----BEGIN AGE ENCRYPTED FILE-----"sv, 6, is_armour},
};

}  // namespace

/// Looks at what begins in the first `size` bytes of the window.
void Inside::look(std::size_t size) {
    std::string_view const window = m_window;
    for (Signature const &one : signatures) {
        for (std::size_t at = window.find(one.bytes[one.rare], one.rare); at < size + one.rare;
             at = window.find(one.bytes[one.rare], at + 1)) {
            std::size_t const begin = at - one.rare;
            std::string_view const header = window.substr(begin, header_size);
            if (header.starts_with(one.bytes) && one.check(header)) {
                if (auto const kind = find_container(header)) {
                    m_found(*kind, m_begin + begin);
                }
            }
        }
    }
    m_begin += size;
    m_window.erase(0, size);
}

void Inside::feed(std::string_view piece) {
    m_window += piece;
    if (m_window.size() > header_size) {
        look(m_window.size() - header_size);
    }
}

void Inside::end() {
    look(m_window.size());
    m_begin = 0;
}

}  // namespace relay::scan
