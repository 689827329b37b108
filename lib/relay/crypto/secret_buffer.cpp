#include "relay/crypto/secret_buffer.hpp"

#include "relay/model/error.hpp"

#include <algorithm>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#include <sodium.h>

namespace relay {
namespace {

constexpr std::size_t key_slot = 128;
constexpr std::size_t file_slot = 512;
constexpr std::size_t slots_a_block = 128;

char *allocate(std::size_t size) {
    start_crypto();
    auto *const memory = static_cast<char *>(sodium_malloc(size));
    if (memory == nullptr) {
        throw std::bad_alloc();
    }
    return memory;
}

/// Small buffers from shared sodium_malloc blocks. Blocks stay until the process ends. A slot is wiped when it is
/// given back, so a slot that is handed out is all zero.
class SlotPool {
  public:
    explicit SlotPool(std::size_t slot_size) : m_slot_size(slot_size) {}

    char *take() {
        std::lock_guard const lock(m_mutex);
        if (m_free.empty()) {
            // Reserve room for every slot, because giving one back must not need memory.
            m_blocks += 1;
            m_free.reserve(m_blocks * slots_a_block);
            char *const block = allocate(m_slot_size * slots_a_block);
            sodium_memzero(block, m_slot_size * slots_a_block);
            for (std::size_t i = slots_a_block; i-- > 0;) {
                m_free.push_back(block + i * m_slot_size);
            }
        }
        char *const slot = m_free.back();
        m_free.pop_back();
        return slot;
    }

    void give_back(char *slot) noexcept {
        sodium_memzero(slot, m_slot_size);
        std::lock_guard const lock(m_mutex);
        m_free.push_back(slot);
    }

  private:
    std::size_t m_slot_size;
    std::mutex m_mutex;
    std::vector<char *> m_free;
    std::size_t m_blocks = 0;
};

/// Returns the pool for buffers of `capacity` bytes; null: they are too large to share.
SlotPool *pool_for(std::size_t capacity) {
    // Never destroyed: a buffer with static lifetime may be given back after everything else is gone.
    static SlotPool &keys = *new SlotPool(key_slot);
    static SlotPool &files = *new SlotPool(file_slot);
    return capacity <= key_slot ? &keys : capacity <= file_slot ? &files : nullptr;
}

}  // namespace

void start_crypto() {
    static bool const started = sodium_init() >= 0;
    if (!started) {
        throw Error(ErrorKind::unavailable,
                    "the random number generator of this machine does not work; nothing was changed");
    }
}

SecretBuffer::SecretBuffer(std::size_t size) : m_size(size), m_capacity(size) {
    if (SlotPool *const pool = pool_for(size)) {
        m_data = pool->take();
    } else {
        m_data = allocate(size);
        sodium_memzero(m_data, size);
    }
}

SecretBuffer SecretBuffer::copy_of(std::string_view bytes) {
    SecretBuffer buffer(bytes.size());
    std::copy(bytes.begin(), bytes.end(), buffer.m_data);
    return buffer;
}

SecretBuffer::SecretBuffer(SecretBuffer &&other) noexcept
    : m_data(std::exchange(other.m_data, nullptr)),
      m_size(std::exchange(other.m_size, 0)),
      m_capacity(std::exchange(other.m_capacity, 0)) {}

SecretBuffer &SecretBuffer::operator=(SecretBuffer &&other) noexcept {
    // Through a temporary, so that the old bytes are wiped immediately, and self-move is harmless.
    SecretBuffer taken(std::move(other));
    std::swap(m_data, taken.m_data);
    std::swap(m_size, taken.m_size);
    std::swap(m_capacity, taken.m_capacity);
    return *this;
}

SecretBuffer::~SecretBuffer() {
    if (m_data == nullptr) {
        return;
    }
    if (SlotPool *const pool = pool_for(m_capacity)) {
        pool->give_back(m_data);
    } else {
        sodium_free(m_data);  // wipes first
    }
}

void SecretBuffer::truncate(std::size_t size) noexcept {
    if (size < m_size) {
        sodium_memzero(m_data + size, m_size - size);
        m_size = size;
    }
}

}  // namespace relay
