"""URLs as operators write them."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocf_lib.net.endpoint import Endpoint


@pytest.mark.parametrize(
    "url, scheme, address, port, path",
    [
        ("http://192.168.42.103:5000/v2.0/", "http", "192.168.42.103", 5000, "/v2.0"),
        ("http://api.example", "http", "api.example", 80, ""),
        ("https://api.example", "https", "api.example", 443, ""),
        ("https://api.example/", "https", "api.example", 443, ""),
        ("HTTPS://Api.Example/Identity/V3", "https", "Api.Example", 443, "/Identity/V3"),
        ("http://[::1]:5000/v3", "http", "::1", 5000, "/v3"),
        ("http://[fe80::1]/", "http", "fe80::1", 80, ""),
        ("http://a:65535//", "http", "a", 65535, ""),
        ("http://a:/x", "http", "a", 80, "/x"),
    ],
)
def test_right_urls(url: str, scheme: str, address: str, port: int, path: str) -> None:
    assert Endpoint.parse(url) == Endpoint(scheme, address, port, address, path)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.example:5000",
        "//api.example",
        "ftp://api.example",
        "http:/api.example",
        "http://",
        "http:///v3",
        "http://:5000",
        "http://a:0",
        "http://a:65536",
        "http://a:-1",
        "http://a:5000x",
        pytest.param("http://a:" + "9" * 5000, id="long port"),
        "http://a:\u0665\u0660",
        "http://[::1",
        "http://[::1]5000",
        "http://[]:5000",
        "http://a/?x=1",
        "http://a/#x",
        "http://a b/",
        "http://a/\r\nX-Header: 1",
        "http://bücher.example",
        "http://a:80:90",
        "http://::1:5000",
    ],
)
def test_wrong_urls_say_what_would_be_right(url: str) -> None:
    with pytest.raises(ValueError, match=r"^must .*http://192\.168\.42\.103:5000/v3"):
        Endpoint.parse(url)


def test_a_password_in_a_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValueError, match="must not hold a user or password") as caught:
        Endpoint.parse("http://admin:sesame@api.example:5000/")
    assert "sesame" not in str(caught.value)


def test_called_keeps_the_socket_and_takes_the_name() -> None:
    socket = Endpoint("https", "127.0.0.1", 5000)
    called = socket.called("https://api.example:443/v3")
    assert (called.address, called.port, called.path) == ("127.0.0.1", 5000, "")
    assert called.name == "api.example"
    assert called.authority == "api.example:5000"
    assert called.url == "https://127.0.0.1:5000"
    assert socket.called(None) == socket.called("") == socket


def test_brackets_where_an_ipv6_address_needs_them() -> None:
    endpoint = Endpoint("http", "::1", 5000, path="/v3")
    assert endpoint.url == "http://[::1]:5000/v3"
    assert endpoint.authority == "[::1]:5000"


@given(st.text(st.characters(blacklist_categories=[]), max_size=60))
def test_any_text_after_the_scheme_is_an_endpoint_or_a_value_error(text: str) -> None:
    for url in (text, "http://" + text, "https://[" + text):
        try:
            endpoint = Endpoint.parse(url)
        except ValueError as error:
            assert str(error).startswith("must ")
            continue
        assert 0 < endpoint.port < 65536
        assert endpoint.address.isascii()
        assert not set(endpoint.url) & set("\r\n\t ?#")


@given(
    host=st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?(\.[a-z]{2,5})?", fullmatch=True),
    port=st.one_of(st.none(), st.integers(1, 65535)),
    path=st.from_regex(r"(/[a-zA-Z0-9._~-]{1,8}){0,3}/?", fullmatch=True),
)
def test_it_reads_urls_as_the_standard_library_does(host: str, port: int | None, path: str) -> None:
    url = f"https://{host}{'' if port is None else f':{port}'}{path}"
    known = urlsplit(url)
    endpoint = Endpoint.parse(url)
    assert (endpoint.address, endpoint.port) == (known.hostname, known.port or 443)
    assert endpoint.path == known.path.rstrip("/")


@pytest.mark.parametrize(
    ("path", "root"),
    [
        ("", ""),
        ("/", ""),
        ("/v3", ""),
        ("/v2.0/", ""),
        ("/v2.0/tokens", ""),
        ("/identity/v3", "/identity"),
        ("/volume/v3/project", "/volume"),
        ("/vault", "/vault"),
        ("/identity", "/identity"),
    ],
)
def test_the_root_of_an_api_is_what_precedes_its_version(path: str, root: str) -> None:
    endpoint = Endpoint.parse(f"http://[::1]:5000{path}").unversioned()
    assert (endpoint.path, endpoint.address, endpoint.port) == (root, "::1", 5000)
