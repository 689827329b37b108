#pragma once

#include <array>
#include <string>
#include <string_view>

namespace relay {

/// SHA-256 of bytes that are not secret.
struct Sha256 {
    std::array<unsigned char, 32> bytes{};

    static Sha256 of(std::string_view bytes);
    /// Reads 64 hexadecimal digits in lower case. Throws Error (usage).
    static Sha256 parse(std::string_view hex);
    /// Returns 64 hexadecimal digits in lower case.
    std::string hex() const;
    friend bool operator==(Sha256 const &, Sha256 const &) = default;
};

}  // namespace relay
