#include "cli/sink/batch/owner_folder.hpp"

#include "relay/crypto/secret_buffer.hpp"

#include <sodium.h>
#include <algorithm>
#include <array>

namespace relay::cli {
namespace {

constexpr std::size_t longest_plain = 80;
constexpr std::size_t longest_stem = 40;

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

bool is_plain(char c) { return is_letter_or_digit(c) || std::string_view("._@+-").find(c) != std::string_view::npos; }

/// Returns whether the owner's name can be the folder's name. Our own endings are excluded: they mark unfinished files.
bool is_name_itself(std::string_view owner) {
    return !owner.empty() && owner.size() <= longest_plain && is_letter_or_digit(owner.front()) &&
           is_letter_or_digit(owner.back()) && std::all_of(owner.begin(), owner.end(), is_plain) &&
           !owner.ends_with(".new") && !owner.ends_with(".batch");
}

/// Returns the readable part of the name: empty, or beginning and ending with a letter or a digit.
std::string stem_of(std::string_view owner) {
    std::string stem;
    for (char c : owner) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        if (is_plain(c)) {
            stem += c;
        } else if (!stem.empty() && stem.back() != '-') {
            stem += '-';
        }
    }
    stem.erase(stem.begin(), std::find_if(stem.begin(), stem.end(), is_letter_or_digit));
    stem.resize(std::min(stem.size(), longest_stem));
    while (!stem.empty() && !is_letter_or_digit(stem.back())) {
        stem.pop_back();
    }
    return stem;
}

std::string hash_of(std::string_view owner) {
    start_crypto();
    constexpr std::string_view key = "relay-admin owner";
    static_assert(key.size() >= crypto_generichash_KEYBYTES_MIN);
    std::array<unsigned char, crypto_generichash_BYTES_MIN> hash{};
    crypto_generichash(hash.data(), hash.size(), reinterpret_cast<unsigned char const *>(owner.data()), owner.size(),
                       reinterpret_cast<unsigned char const *>(key.data()), key.size());
    std::array<char, 2 * hash.size() + 1> hex{};
    sodium_bin2hex(hex.data(), hex.size(), hash.data(), hash.size());
    return {hex.data(), 20};
}

}  // namespace

std::string folder_of_owner(std::optional<std::string> const &owner) {
    if (!owner) {
        return std::string(folder_without_owner);
    }
    if (is_name_itself(*owner)) {
        return *owner;
    }
    auto const stem = stem_of(*owner);
    return (stem.empty() ? "owner" : stem) + "~" + hash_of(*owner);
}

}  // namespace relay::cli
