#pragma once

#include "relay/crypto/wiped.hpp"
#include "relay/scan/strand.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

namespace relay::scan {

class Collector;
class Layer;

/// Decodes bytes that are written as two hexadecimal digits each, with something between them: `70 72 65`, `70:72:65`,
/// `0x70, 0x72, 0x65`, as dumps without offsets, packet captures and arrays of C have them, also in several lines.
///
/// It begins with eight bytes between which there is always the same. A time, a date or the address of a network card
/// is shorter, and noise is stopped by Strand.
class Pairs {
  public:
    explicit Pairs(Collector &collector);
    ~Pairs();
    /// Takes the next piece of the input. Looks only at few bytes of a text that has no such pairs.
    void feed(std::string_view piece);
    void end();

  private:
    struct Byte {
        char value = 0;
        std::uint64_t offset = 0;
    };

    static constexpr std::size_t enough = 8;
    static constexpr std::size_t longest_between = 8;  ///< before there are enough
    static constexpr std::size_t longest_gap = 64;  ///< afterwards, for line ends

    bool idle() const { return m_count == 0 && m_digits == 0; }
    std::size_t first_that_matters(std::string_view text) const;
    void put(char c, std::uint64_t offset);
    void put_between(char c);
    void complete();
    void give(Byte const &byte);
    void forget();

    Collector *m_collector;
    std::unique_ptr<Layer> m_layer;
    Strand m_strand{};
    detail::Wiped<std::array<Byte, enough>> m_kept{};
    std::size_t m_count = 0;  ///< bytes in a row; no more than `enough`
    detail::Wiped<unsigned> m_value{};
    std::size_t m_digits = 0;  ///< of the byte that is being read; 3: too many
    std::uint64_t m_begin = 0;  ///< of that byte
    std::array<char, longest_between> m_between{};  ///< before that byte
    std::size_t m_between_size = 0;
    std::array<char, longest_between> m_always{};  ///< between the kept bytes
    std::size_t m_always_size = 0;
    std::uint64_t m_read = 0;
};

}  // namespace relay::scan
