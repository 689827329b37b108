#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace relay {

/// Starts libsodium. Everything in crypto that needs it calls this first. Idempotent. Throws Error (internal).
void start_crypto();

/// Bytes that must not be copied, printed or left behind.
///
/// They are in sodium_malloc memory (locked, not in core files, between guard pages) and are wiped on destruction.
/// Buffers of up to 512 bytes (a key, a rendered key) share such pages, because a separate sodium_malloc for each key
/// would cost 25 us and 8 KiB. Move-only, no ==, no <<. `reveal()` is the only way to read it, and is easy to find
/// with grep.
class SecretBuffer {
  public:
    /// Makes `size` zero bytes. Throws Error (internal) if there is no memory.
    explicit SecretBuffer(std::size_t size);
    /// Makes a copy of `bytes`; the caller must wipe its own.
    static SecretBuffer copy_of(std::string_view bytes);
    SecretBuffer(SecretBuffer &&other) noexcept;
    SecretBuffer &operator=(SecretBuffer &&other) noexcept;
    SecretBuffer(SecretBuffer const &) = delete;
    SecretBuffer &operator=(SecretBuffer const &) = delete;
    ~SecretBuffer();

    std::size_t size() const noexcept { return m_size; }
    std::string_view reveal() const noexcept { return {m_data, m_size}; }
    std::span<char> writable() noexcept { return {m_data, m_size}; }
    /// Drops all bytes after the first `size`, which must not be larger than the current size.
    void truncate(std::size_t size) noexcept;

  private:
    char *m_data = nullptr;
    std::size_t m_size = 0;
    std::size_t m_capacity = 0;  ///< the size at first: it decides which kind of memory to give back
};

}  // namespace relay
