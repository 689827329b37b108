#include "cli/sink/directory_sink.hpp"
#include "cli/sink/leftover.hpp"
#include "relay/crypto/random_ids.hpp"
#include "sink_fixture.hpp"

#include <thread>

using namespace relay;
using namespace relay::cli;
using namespace relay::cli::sink_tests;

namespace {

using Names = std::vector<std::string>;

/// Opens a sink while stdout is a pipe.
Error refusal(ErrorKind kind, SinkOptions const &options) {
    Pipe pipe;
    Redirect const redirect(STDOUT_FILENO, pipe.writer.get());
    Output output(Globals{});
    return error_of(kind, [&] { open_sink(options, output); });
}

void run(Sink &sink, Issued const &issued) {
    sink.settle(never_asked);
    sink.prepare(issued.for_agent());
    sink.deliver();
    sink.committed();
}

}  // namespace

TEST_CASE("without a sink and without a terminal the command stops") {
    auto const error = refusal(ErrorKind::usage, {});
    CHECK(error.message() == "this command creates a secret, but standard output is not a terminal");
    CHECK(error.hint().why == "the secret could end up in a CI log or a file");
    CHECK(error.hint().next ==
          "add --secret-file FILE, --secret-fd N, or --secret-stdout if the secret is for the reader of this pipe");
    CHECK(refusal(ErrorKind::usage, {.compact = "terminal"}).message() == error.message());
}

TEST_CASE("flags that do not fit together are usage errors") {
    CHECK(refusal(ErrorKind::usage, {.secret_file = "a", .secret_stdout = true}).message() ==
          "--secret-file and --secret-stdout exclude each other");
    CHECK(contains(refusal(ErrorKind::usage, {.secret_stdout = true, .replace = true}).message(),
                   "--replace has no effect without "));
    CHECK(contains(refusal(ErrorKind::usage, {.secret_stdout = true, .env_prefix = "A_"}).message(),
                   "--env-prefix has no effect without "));
    CHECK(contains(refusal(ErrorKind::usage, {.secret_stdout = true, .k8s_name = "a"}).message(),
                   "--k8s-name has no effect without "));
    CHECK(contains(refusal(ErrorKind::usage, {.secret_stdout = true, .k8s_namespace = "a"}).message(),
                   "--k8s-namespace"));
    CHECK(contains(refusal(ErrorKind::usage, {.secret_stdout = true, .seal_key = "a"}).message(),
                   "--seal-key has no effect without "));
    CHECK(contains(refusal(ErrorKind::usage, {.secret_stdout = true, .secret_format = "sealed"}).message(),
                   "needs --seal-key"));
    CHECK(contains(
        refusal(ErrorKind::usage, {.secret_stdout = true, .secret_format = "env", .env_prefix = "1A"}).message(),
        "'1A'"));
    CHECK(contains(
        refusal(ErrorKind::usage, {.secret_stdout = true, .secret_format = "k8s", .k8s_name = "A_b"}).message(),
        "'A_b'"));
    CHECK(contains(refusal(ErrorKind::usage, {.secret_stdout = true, .secret_format = "xml"}).message(), "xml"));
    for (auto const fd : {0, 1, 2}) {
        refusal(ErrorKind::usage, {.secret_fd = fd});
    }
    refusal(ErrorKind::sink, {.secret_fd = 987});
}

TEST_CASE("paths that cannot name a secret's file are usage errors") {
    for (auto const *path : {"", "-", "/", ".", "..", "a/", "a/..", "payment.new"}) {
        CAPTURE(path);
        refusal(ErrorKind::usage, {.secret_file = path});
    }
    refusal(ErrorKind::usage, {.secret_file = std::string(252, 'a')});
}

TEST_CASE("a folder that is missing, or is a file, is a sink error") {
    TemporaryFolder const folder;
    write_file(folder / "file", "x");
    CHECK(contains(refusal(ErrorKind::sink, {.secret_file = folder / "no/out"}).message(),
                   "No such file or directory; nothing was changed"));
    refusal(ErrorKind::sink, {.secret_file = folder / "file/out"});
    refusal(ErrorKind::sink, {.secrets_dir = folder / "file"});
    refusal(ErrorKind::sink, {.secrets_dir = folder / "no/dir"});
}

TEST_CASE("an existing file is refused immediately, or if the command chooses so, only when there is a secret for it") {
    TemporaryFolder const folder;
    write_file(folder / "out", "precious");
    refusal(ErrorKind::sink, {.secret_file = folder / "out"});
    Issued const issued;
    Output output(Globals{});
    auto const sink =
        open_sink({.secret_file = folder / "out", .existing_file = ExistingFile::refuse_at_delivery}, output);
    sink->prepare(issued.for_agent());
    error_of(ErrorKind::sink, [&] { sink->deliver(); });
    sink->rolled_back();
    CHECK(read_file(folder / "out") == "precious");
    CHECK(folder.names() == Names{"out"});
}

TEST_CASE("opening a sink makes nothing") {
    TemporaryFolder const folder;
    Output output(Globals{});
    open_sink({.secret_file = folder / "out"}, output);
    open_sink({.secrets_dir = folder / "dir"}, output);
    CHECK(folder.names().empty());
}

TEST_CASE("a file, relative to the working folder") {
    TemporaryFolder const folder;
    auto const before = std::filesystem::current_path();
    std::filesystem::current_path(folder.path());
    Issued const issued;
    Output output(Globals{});
    auto const sink = open_sink({.secret_file = "out"}, output);
    CHECK(sink->destination() == "file:out");
    run(*sink, issued);
    std::filesystem::current_path(before);
    CHECK(read_file(folder / "out") == issued.text());
    CHECK(folder.names() == Names{"out"});
}

TEST_CASE("re-running after a kill at any step of a file's delivery converges") {
    Issued const issued;
    for (auto const replace : {false, true}) {
        for (auto const verdict : {Verdict::done, Verdict::aborted}) {
            TemporaryFolder const folder;
            SinkOptions const options{.secret_file = folder / "out", .replace = replace};
            Talk talk;
            {
                auto const killed = open_sink(options, talk.output);
                killed->prepare(issued.for_agent());
                killed->deliver();
            }
            auto const again = open_sink(options, talk.output);
            again->settle(says(verdict));
            auto const is_done = verdict == Verdict::done;
            CHECK(folder.names() == (is_done ? Names{"out"} : Names{}));
            Issued const next;
            again->prepare(next.for_agent());
            if (is_done && !replace) {
                error_of(ErrorKind::sink, [&] { again->deliver(); });
                again->rolled_back();
                CHECK(read_file(folder / "out") == issued.text());
            } else {
                again->deliver();
                again->committed();
                CHECK(read_file(folder / "out") == next.text());
            }
            CHECK(folder.names() == Names{"out"});
        }
    }
}

TEST_CASE("a folder of secrets is made private, with one file per agent") {
    TemporaryFolder const folder;
    UmaskGuard const guard(0777);
    Issued const issued;
    Output output(Globals{});
    auto const sink = open_sink({.secrets_dir = folder / "keys", .secret_format = "env"}, output);
    SUBCASE("committed") {
        run(*sink, issued);
        CHECK(sink->destination() == "file:" + folder / "keys/payment_bot.env");
        CHECK(mode_of(folder / "keys") == 0700);
        CHECK(mode_of(folder / "keys/payment_bot.env") == 0600);
        CHECK(contains(read_file(folder / "keys/payment_bot.env"), issued.text()));
        // The same sink serves the next agent.
        sink->prepare(issued.for_org());
        sink->deliver();
        sink->committed();
        CHECK(contains(read_file(folder / "keys/acme-corp.admin-token.env"), "RELAY_ADMIN_TOKEN="));
    }
    SUBCASE("rolled back: the folder that was made for it goes too") {
        sink->prepare(issued.for_agent());
        sink->deliver();
        sink->rolled_back();
        CHECK(folder.names().empty());
    }
}

TEST_CASE("several secrets of one transaction are written, finished and taken back together") {
    TemporaryFolder const folder;
    Issued issued;
    Issued other;
    other.agent = AgentId::parse("other");
    Output output(Globals{});
    auto const sink = open_sink({.secrets_dir = folder.path()}, output);
    sink->prepare(issued.for_agent());
    sink->prepare(other.for_agent());
    SUBCASE("committed") {
        sink->deliver();
        sink->committed();
        CHECK(folder.names() == Names{"other.key", "payment_bot.key"});
        CHECK(sink->destination() == "dir:" + folder.path());
    }
    SUBCASE("rolled back") {
        sink->deliver();
        sink->rolled_back();
        CHECK(folder.names().empty());
    }
    SUBCASE("the second is in the way") {
        write_file(folder / "other.key", "precious");
        error_of(ErrorKind::sink, [&] { sink->deliver(); });
        sink->rolled_back();
        CHECK(folder.names() == Names{"other.key"});
        CHECK(read_file(folder / "other.key") == "precious");
    }
}

TEST_CASE("a folder that others may write to is refused") {
    TemporaryFolder const folder;
    for (mode_t const mode : {mode_t{0777}, mode_t{01777}, mode_t{0770}}) {
        REQUIRE(::chmod(folder.path().c_str(), mode) == 0);
        CHECK(contains(refusal(ErrorKind::sink, {.secrets_dir = folder.path()}).message(), "other users may write"));
    }
    REQUIRE(::chmod(folder.path().c_str(), 0755) == 0);
    Output output(Globals{});
    CHECK_NOTHROW(open_sink({.secrets_dir = folder.path()}, output));
}

TEST_CASE("a folder's leftovers are settled, but not other files, nor those of active runs") {
    TemporaryFolder const folder;
    write_file(folder / "a.key.new", "relay_sk_a");
    write_file(folder / "b.key.new", "not ours");
    SecretFile at_work(open_folder(folder.path()), "c.key", true);
    at_work.write(SecretBuffer::copy_of("relay_sk_c"));
    Talk talk;
    auto const sink = open_sink({.secrets_dir = folder.path()}, talk.output);
    sink->settle(says(Verdict::done));
    CHECK(folder.names() == Names{"a.key", "b.key.new", "c.key.new"});
    write_file(folder / "d.key.new", "relay_sk_d");
    error_of(ErrorKind::unavailable, [&] {
        sink->settle([](std::string_view, std::optional<std::string> const &) -> Verdict {
            throw Error(ErrorKind::unavailable, "no server");
        });
    });
}

TEST_CASE("an inherited descriptor is used, and kept from programs that this one starts") {
    Issued const issued;
    TemporaryFolder const folder;
    write_file(folder / "out", "");
    FileDescriptor const file(::open((folder / "out").c_str(), O_WRONLY));
    Output output(Globals{});
    auto const sink = open_sink({.secret_fd = file.get(), .secret_format = "json"}, output);
    CHECK(sink->destination() == "fd:" + std::to_string(file.get()));
    CHECK((::fcntl(file.get(), F_GETFD) & FD_CLOEXEC) != 0);
    run(*sink, issued);
    CHECK(contains(read_file(folder / "out"), issued.text()));
    // A descriptor that this program has opened itself was not inherited.
    error_of(ErrorKind::sink, [&] { open_sink({.secret_fd = file.get()}, output); });
}

TEST_CASE("with --secret-stdout, stdout has only the secret, and documents go to stderr") {
    Issued const issued;
    Pipe pipe;
    std::string heard;
    {
        Talk talk;
        Redirect const redirect(STDOUT_FILENO, pipe.writer.get());
        auto const sink = open_sink({.compact = "stdout"}, talk.output);
        CHECK(sink->destination() == "stdout");
        std::thread reader([&] { ::usleep(1000); });
        sink->prepare(issued.for_agent());
        sink->deliver();
        reader.join();
        sink->committed();
        talk.output.show({.kind = "Agent", .id_key = "agent_id", .data = {{"agent_id", "Agent ID", "payment_bot"}}});
        heard = talk.heard();
    }
    CHECK(drain(pipe.reader.get()) == issued.text());
    CHECK(contains(heard, "payment_bot"));
    CHECK_FALSE(contains(heard, issued.text()));
}

TEST_CASE("a closed stdout is refused") {
    FileDescriptor const nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    Redirect const redirect(STDOUT_FILENO, nothing.get());
    Output output(Globals{});
    error_of(ErrorKind::sink, [&] { open_sink({.secret_stdout = true}, output); });
    ::close(STDOUT_FILENO);
    CHECK(contains(error_of(ErrorKind::sink, [&] { open_sink({.secret_stdout = true}, output); }).message(),
                   "standard output is not open"));
}
