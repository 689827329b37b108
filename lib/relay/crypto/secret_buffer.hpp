#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace relay {

/// Starts libsodium; everything in crypto needs it first, and calls it itself. Idempotent. Throws Error (internal).
void start_crypto();

/// Bytes that must not be copied, printed or left behind: kept in sodium_malloc memory (locked, out of core files,
/// between guard pages) and wiped on destruction. Buffers of up to 512 bytes (a key, a rendered key) share such pages, since a sodium_malloc of
/// its own would cost a key 25 us and 8 KiB.
/// Move-only, no ==, no <<. `reveal()` is the one way to read it, and easy to grep for.
class SecretBuffer {
  public:
    /// `size` zero bytes. Throws Error (internal) without memory.
    explicit SecretBuffer(std::size_t size);
    /// A copy of `bytes`; the caller wipes its own.
    static SecretBuffer copy_of(std::string_view bytes);
    SecretBuffer(SecretBuffer &&other) noexcept;
    SecretBuffer &operator=(SecretBuffer &&other) noexcept;
    SecretBuffer(SecretBuffer const &) = delete;
    SecretBuffer &operator=(SecretBuffer const &) = delete;
    ~SecretBuffer();

    std::size_t size() const noexcept { return m_size; }
    std::string_view reveal() const noexcept { return {m_data, m_size}; }
    std::span<char> writable() noexcept { return {m_data, m_size}; }
    /// Forgets all bytes behind the first `size`, which must not be larger than the present size.
    void truncate(std::size_t size) noexcept;

  private:
    char *m_data = nullptr;
    std::size_t m_size = 0;
    std::size_t m_capacity = 0;  ///< as asked for at first: tells which kind of memory to give back
};

}  // namespace relay
