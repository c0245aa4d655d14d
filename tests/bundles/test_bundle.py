"""A bundle is what was signed, byte for byte, or it is refused: what is believed, in which order, and what is not."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.bundles import keys
from sidecar.bundles.bundle import build, check_follows, sign, verify
from sidecar.bundles.contents import MAX_FILES, Contents, pack, read, unpack, write_folder
from sidecar.bundles.manifest import MANIFEST, SIGNATURES, Manifest
from sidecar.errors import BundleError
from tests.bundles.making import CREATED, key_pair, made, policy


def refused(contents: Contents, *keys_of: Path, pin: str = "") -> str:
    with pytest.raises(BundleError) as caught:
        verify(contents, keys.trusted_keys(keys_of), pin=pin)
    assert caught.value.remedy, "it says what to do"
    return caught.value.message


def test_what_was_signed_is_verified_and_names_the_key(tmp_path: Path) -> None:
    key, public = key_pair(tmp_path)
    found = verify(made("7", key), keys.trusted_keys([public]))
    assert (found.called, found.signed_by) == ("shop 7", keys.id_of(key.public_key()))
    assert found.manifest.files.keys() == {"deep/a.yaml"}


def test_a_bundle_that_is_built_again_has_the_same_digest_whenever_that_is() -> None:
    files = {"a.yaml": policy("a", "1")}
    one, other = (build("shop", "1", files, created=when) for when in (CREATED, "2027-01-01T00:00:00.000Z"))
    assert verify(one).manifest.digest == verify(other).manifest.digest
    assert verify(made("1")).manifest.digest != verify(made("2")).manifest.digest
    assert pack(made("1")) == pack(made("1"))


def test_an_unsigned_bundle_is_refused_where_keys_are_trusted(tmp_path: Path) -> None:
    _, public = key_pair(tmp_path)
    assert refused(made("7"), public) == "the bundle is not signed"


def test_a_signature_of_another_key_is_refused(tmp_path: Path) -> None:
    key, _ = key_pair(tmp_path, "theirs")
    _, public = key_pair(tmp_path, "ours")
    assert refused(made("7", key), public) == f"the bundle is signed by {keys.id_of(key.public_key())}"


def test_one_trusted_signature_among_others_is_enough(tmp_path: Path) -> None:
    (old, _), (new, public) = key_pair(tmp_path, "old"), key_pair(tmp_path, "new")
    both = sign(made("7", old), new)
    assert len(both[SIGNATURES].splitlines()) == 2
    assert verify(both, keys.trusted_keys([public])).signed_by == keys.id_of(new.public_key())
    assert len(sign(both, old)[SIGNATURES].splitlines()) == 2, "a key has one signature"


def test_a_manifest_that_was_changed_after_signing_is_refused_before_it_is_read(tmp_path: Path) -> None:
    key, public = key_pair(tmp_path)
    name = keys.id_of(key.public_key())
    contents = {**made("7", key), MANIFEST: b"{ this is no JSON"}
    assert refused(contents, public) == f"the signature of key {name} is not that of this manifest"


def test_a_signature_for_something_else_is_none(tmp_path: Path) -> None:
    key, public = key_pair(tmp_path)
    bare = made("7")
    line = f"ed25519 {keys.id_of(key.public_key())} {base64.b64encode(key.sign(bare[MANIFEST])).decode()}\n"
    assert "is not that of this manifest" in refused({**bare, SIGNATURES: line.encode()}, public)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda bundle: {**bundle, "deep/a.yaml": b""},
            "the file 'deep/a.yaml' is not what the manifest says",
        ),
        (lambda bundle: {**bundle, "b.yaml": b""}, "the file 'b.yaml' is not in its manifest"),
        (lambda bundle: {path: bundle[path] for path in (MANIFEST, SIGNATURES)}, "the file 'deep/a.yaml' is missing"),
        (lambda bundle: {"deep/a.yaml": bundle["deep/a.yaml"]}, "there is no manifest.json in it"),
    ],
    ids=["changed", "added", "missing", "no manifest"],
)
def test_files_are_those_of_the_manifest(change: Callable[[Contents], Contents], message: str, tmp_path: Path) -> None:
    key, public = key_pair(tmp_path)
    assert refused(change(made("7", key)), public) == message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": "8"}, "has a digest that is not its own"),
        ({"digest": "sha256:" + "0" * 64}, "has a digest that is not its own"),
        ({"format": "tidegate.dev/bundle/v2"}, "is of the format 'tidegate.dev/bundle/v2'"),
        ({"name": "../shop"}, "'../shop' is no name for a bundle"),
        ({"version": "seven"}, "'seven' is no version of a bundle"),
        ({"files": {"deep/a.yaml": "ab"}}, "has a hash that is no sha256"),
        ({"surprise": 1}, "cannot be read"),
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(change: dict[str, object], message: str) -> None:
    bundle = made("7")
    said = json.dumps(json.loads(bundle[MANIFEST]) | change).encode()
    assert message in refused({**bundle, MANIFEST: said})


def test_a_manifest_that_is_no_utf_8_is_refused() -> None:
    assert "cannot be read" in refused({**made("7"), MANIFEST: b'{"name": "\xff"}'})


def test_a_pin_asks_for_one_digest() -> None:
    bundle = made("7")
    digest = verify(bundle).manifest.digest
    assert verify(bundle, pin=digest).manifest.digest == digest
    assert refused(made("8"), pin=digest).endswith(f"and {digest} is asked for")


def test_a_bundle_for_a_later_tidegate_says_so() -> None:
    assert refused(made("7", minimum="99.1")).startswith("it needs Tidegate 99.1 or later, and this is ")
    verify(made("7", minimum="0.0.1"))


@pytest.mark.parametrize(
    ("new", "message"),
    [
        (("shop", "1.9"), "its version 1.9 is older than 1.10, which is in force"),
        (("shelf", "2"), "it is the bundle 'shelf', and 'shop' is in force"),
    ],
)
def test_an_older_or_another_bundle_takes_no_place_by_itself(new: tuple[str, str], message: str) -> None:
    name, version = new
    manifest = verify(made(version, name=name)).manifest
    with pytest.raises(BundleError) as caught:
        check_follows(manifest, verify(made("1.10")).manifest)
    assert caught.value.message == message
    assert manifest.digest in caught.value.remedy


def test_a_version_has_one_content() -> None:
    other = Manifest.of("shop", "7", {"a.yaml": b"other"}, created=CREATED)
    with pytest.raises(BundleError, match="its version 7 is in force with other content"):
        check_follows(other, verify(made("7")).manifest)
    check_follows(verify(made("7")).manifest, verify(made("7")).manifest)


# -- archives and folders ---------------------------------------------------------------------------------------------


def test_a_folder_and_its_archive_hold_the_same(tmp_path: Path) -> None:
    bundle = made("7")
    write_folder(bundle, tmp_path / "shop")
    (tmp_path / "shop.tar.gz").write_bytes(pack(bundle))
    assert read(tmp_path / "shop") == read(tmp_path / "shop.tar.gz") == bundle


def archive(*members: tuple[str, bytes, bytes]) -> bytes:
    """An archive of members: name, type, and what it holds or leads to."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as file:
        for name, kind, data in members:
            member = tarfile.TarInfo(name)
            member.type = kind
            if kind == tarfile.REGTYPE:
                member.size = len(data)
            else:
                member.linkname = data.decode()
            file.addfile(member, io.BytesIO(data))
    return gzip.compress(plain.getvalue())


@pytest.mark.parametrize(
    "name",
    [
        "../a.yaml",
        "/etc/a.yaml",
        "a/../../b.yaml",
        "a//b.yaml",
        ".hidden",
        "a/.git/config",
        "c:\\a.yaml",
        "a\nb",
        "x" * 201,
    ],
)
def test_a_path_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(BundleError, match="is none of a bundle's"):
        unpack(archive((name, tarfile.REGTYPE, b"x")))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_what_is_no_plain_file_is_refused(kind: bytes) -> None:
    with pytest.raises(BundleError, match="is no plain file"):
        unpack(archive(("a.yaml", kind, b"/etc/passwd")))


def test_a_name_that_comes_twice_is_refused() -> None:
    with pytest.raises(BundleError, match="is in it twice"):
        unpack(archive(("a.yaml", tarfile.REGTYPE, b"1"), ("./a.yaml", tarfile.REGTYPE, b"2")))


def test_what_unpacks_to_more_than_its_bound_is_refused_unread() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    assert len(bomb) < 100_000
    with pytest.raises(BundleError, match="larger than 100000 bytes"):
        unpack(bomb, 100_000)
    with pytest.raises(BundleError, match="larger than 1000 bytes"):
        unpack(os.urandom(1001), 1000)


def test_too_many_files_are_refused() -> None:
    with pytest.raises(BundleError, match=f"more than {MAX_FILES} files"):
        unpack(archive(*((f"{number}.yaml", tarfile.REGTYPE, b"") for number in range(MAX_FILES + 1))))


def test_a_folder_that_is_too_large_or_holds_a_pipe_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(bytes(2000))
    with pytest.raises(BundleError, match="larger than 1000 bytes"):
        read(tmp_path, 1000)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BundleError, match="is no plain file"):
        read(tmp_path)


def test_a_folder_that_kubernetes_mounts_is_read_through_its_links(tmp_path: Path) -> None:
    generation = tmp_path / "..2026"
    generation.mkdir()
    (generation / "a.yaml").write_bytes(b"a")
    (tmp_path / "..data").symlink_to("..2026")
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")
    assert read(tmp_path) == {"a.yaml": b"a"}


SIGNED = pack(made("7"))


@given(st.integers(0, len(SIGNED) - 1), st.integers(1, 255))
def test_an_archive_with_a_wrong_byte_is_refused_or_the_same(place: int, flip: int) -> None:
    damaged = bytearray(SIGNED)
    damaged[place] ^= flip
    try:
        contents = unpack(bytes(damaged))
    except BundleError:
        return
    assert contents == unpack(SIGNED)


@given(st.binary(max_size=2000))
def test_any_bytes_are_a_bundle_or_an_error_that_says_so(data: bytes) -> None:
    for tried in (data, gzip.compress(data)):
        with pytest.raises(BundleError):
            verify(unpack(tried))


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_any_manifest_and_signatures_are_refused(manifest: bytes, signatures: bytes) -> None:
    with pytest.raises(BundleError):
        verify({**made("7"), MANIFEST: manifest, SIGNATURES: signatures})
