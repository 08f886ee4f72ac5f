"""What must hold of an object store in a bucket too: of several that put a new name, one does.

`make soak NAME=objects_on_s3`; what it runs on is no dependency of the project, so it is no test of
CI: .venv/bin/pip install s3fs boto3 'moto[s3]' flask flask-cors
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

import pytest

from infra.objects import ObjectExistsError, ObjectMissingError, ObjectStore

boto3, server = import_module("boto3"), import_module("moto.server")


@pytest.fixture(scope="module")
def objects() -> Iterator[ObjectStore]:
    """A bucket behind a real S3 interface, over HTTP; clients of it are kept, so all share one."""
    s3 = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    s3.start()
    _, port = s3.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        boto3.client("s3").create_bucket(Bucket="updates")
        yield ObjectStore("s3://updates/here")
    s3.stop()


def test_a_new_name_is_put_once(objects: ObjectStore) -> None:
    objects.put_new("m/1.targets.json", b"one")
    with pytest.raises(ObjectExistsError, match=r"1\.targets\.json: is there already"):
        objects.put_new("m/1.targets.json", b"two")
    assert objects.get("m/1.targets.json") == b"one"


def test_of_eight_that_put_a_new_name_at_once_one_does(objects: ObjectStore) -> None:
    def put(host: int) -> int | None:
        try:
            objects.put_new("m/2.targets.json", b"%d" % host)
        except ObjectExistsError:
            return None
        return host

    with ThreadPoolExecutor(8) as hosts:
        (wrote,) = [host for host in hosts.map(put, range(8)) if host is not None]
    assert objects.get("m/2.targets.json") == b"%d" % wrote


def test_a_name_is_replaced_read_in_part_listed_and_deleted(objects: ObjectStore) -> None:
    for body in (b"first", b"second"):
        objects.put_named("n/timestamp.json", body)
    assert objects.part("n/timestamp.json", 1, 3) == b"eco"
    assert objects.list("n") == ["n/timestamp.json"]
    objects.delete("n/timestamp.json")
    with pytest.raises(ObjectMissingError):
        objects.get("n/timestamp.json")


if __name__ == "__main__":
    raise SystemExit(pytest.main(["-rs", __file__]))
