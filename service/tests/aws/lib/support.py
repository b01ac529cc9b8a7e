"""What the programs of this folder share: clients of the server, the vhsm command, and clusters that a key store can have."""

import json
import os
import subprocess
import time

import boto3
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import ClientError

REGION = os.environ["AWS_DEFAULT_REGION"]
ADMIN = "admin-password"
KMSUSER = "kms-password"
SUBNETS = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
# Longer than anything takes, even on a busy machine.
PATIENCE_SECONDS = 120


def say(text):
    print(f"== {text}")


def client(service, **options):
    """A client that neither tries again nor looks at arguments where `parameter_validation` is off."""
    settings = Config(retries={"total_max_attempts": 1}, **options)
    return boto3.client(service, region_name=REGION, config=settings)


def refused(code, call, **arguments):
    """The call must be answered by that exception; answers the exception's message."""
    try:
        answer = call(**arguments)
    except ClientError as error:
        found = error.response["Error"]
        assert found["Code"] == code, f"not {code}: {found}"
        print(f"refused: {code}: {found.get('Message')}")
        return found.get("Message")
    raise AssertionError(f"not refused with {code}: {arguments} answered {answer}")


def until(what, is_so):
    """Waits for it; answers what `is_so` answered."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not (answer := is_so()):
        assert time.monotonic() < end, f"not after {PATIENCE_SECONDS} s: {what}"
        time.sleep(0.05)
    return answer


def run(*arguments, **environment):
    """What a command wrote to its standard output. It must succeed."""
    done = subprocess.run(arguments, env=os.environ | environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{arguments} ended with {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout


def vhsm(*arguments, pin=None):
    """The JSON that the vhsm command answers."""
    told = run(os.environ["VHSM_COMMAND"], *arguments, **({"VHSM_PIN": pin} if pin else {}))
    return json.loads(told) if told else None


def new_certificate_authority(folder):
    """The customer's: customerCA.key and customerCA.crt."""
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3652", "-subj", "/O=Example/CN=Root",
        "-keyout", f"{folder}/customerCA.key", "-out", f"{folder}/customerCA.crt")


def signed(folder, request):
    """The certificate for a request, by that authority."""
    with open(f"{folder}/cluster.csr", "w") as file:
        file.write(request)
    run("openssl", "x509", "-req", "-days", "3652", "-in", f"{folder}/cluster.csr", "-CA", f"{folder}/customerCA.crt",
        "-CAkey", f"{folder}/customerCA.key", "-set_serial", "1", "-out", f"{folder}/cluster.crt")
    return read(f"{folder}/cluster.crt")


def read(path):
    with open(path) as file:
        return file.read()


def described(cloudhsm, cluster):
    [found] = cloudhsm.describe_clusters(Filters={"clusterIds": [cluster]})["Clusters"]
    return found


def new_hsm(cloudhsm, cluster, zone):
    """Answers its id, when it is ACTIVE."""
    hsm = cloudhsm.create_hsm(ClusterId=cluster, AvailabilityZone=zone)["Hsm"]["HsmId"]
    states = lambda: {entry["HsmId"]: entry["State"] for entry in described(cloudhsm, cluster)["Hsms"]}
    until(f"{hsm} is ACTIVE", lambda: states().get(hsm) == "ACTIVE")
    return hsm


def new_cluster(cloudhsm, folder):
    """A cluster as a key store wants it, made by the API: its id, and its trust anchor. The admin and kmsuser are made by
    the command, as AWS has it: they are the customer's."""
    new_certificate_authority(folder)
    made = cloudhsm.create_cluster(HsmType="hsm1.medium", SubnetIds=SUBNETS)["Cluster"]
    cluster, zones = made["ClusterId"], sorted(made["SubnetMapping"])
    assert len(zones) == 2 and sorted(made["SubnetMapping"].values()) == SUBNETS, made
    new_hsm(cloudhsm, cluster, zones[0])
    certificate = signed(folder, described(cloudhsm, cluster)["Certificates"]["ClusterCsr"])
    anchor = read(f"{folder}/customerCA.crt")
    cloudhsm.initialize_cluster(ClusterId=cluster, SignedCert=certificate, TrustAnchor=anchor)
    until(f"{cluster} is INITIALIZED", lambda: described(cloudhsm, cluster)["State"] == "INITIALIZED")
    activate(cluster)
    new_hsm(cloudhsm, cluster, zones[1])
    return cluster, anchor


def activate(cluster):
    vhsm("cluster", "activate", cluster, "--admin-password", ADMIN)
    new_user(cluster, "kmsuser", KMSUSER)


def new_user(cluster, name, password):
    vhsm("user", "create", "--cluster", cluster, "--username", name, "--role", "crypto-user", "--password", password,
         pin=f"admin:{ADMIN}")


def new_store(kms, cluster, anchor, name="store"):
    return kms.create_custom_key_store(CustomKeyStoreName=name, CloudHsmClusterId=cluster, KeyStorePassword=KMSUSER,
                                       TrustAnchorCertificate=anchor)["CustomKeyStoreId"]


def store_entry(kms, store):
    [entry] = kms.describe_custom_key_stores(CustomKeyStoreId=store)["CustomKeyStores"]
    return entry


def reaches(kms, store, state):
    until(f"{store} is {state}", lambda: store_entry(kms, store)["ConnectionState"] == state)


def connect(kms, store):
    kms.connect_custom_key_store(CustomKeyStoreId=store)
    reaches(kms, store, "CONNECTED")


def disconnect(kms, store):
    kms.disconnect_custom_key_store(CustomKeyStoreId=store)
    reaches(kms, store, "DISCONNECTED")


def new_key(kms, store, **options):
    """Its metadata."""
    return kms.create_key(Origin="AWS_CLOUDHSM", CustomKeyStoreId=store, **options)["KeyMetadata"]


def state(kms, key):
    return kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"]


def works(kms, key):
    """Whether the key's HSMs can be reached."""
    try:
        return kms.encrypt(KeyId=key, Plaintext=b"x")
    except kms.exceptions.KMSInvalidStateException:
        return None


def client_speaking(service, protocol):
    """A client of that protocol, whatever botocore prefers: by a copy of its model that names only this one."""
    session = boto3.Session()
    loader = session._session.get_component("data_loader")
    version = loader.determine_latest_version(service, "service-2")
    model = loader.load_service_model(service, "service-2")
    model = model | {"metadata": model["metadata"] | {"protocol": protocol, "protocols": [protocol]}}
    models = f"{os.environ['TMPDIR']}/models-{protocol}"
    os.makedirs(f"{models}/{service}/{version}")
    with open(f"{models}/{service}/{version}/service-2.json", "w") as file:
        json.dump(model, file)
    session = boto3.Session()
    session._session.get_component("data_loader").search_paths.insert(0, models)
    settings = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
    made = session.client(service, region_name=REGION, config=settings)
    assert made.meta.service_model.resolved_protocol == protocol
    return made


def raw_client(service):
    """Calls with any JSON as its body, signed: answers the status and the body's JSON."""
    credentials = boto3.Session().get_credentials()
    pool, endpoint = urllib3.PoolManager(retries=False), os.environ["AWS_ENDPOINT_URL"]
    target = {"kms": "TrentService", "cloudhsm": "BaldrApiService"}[service]

    def call(operation, body):
        headers = {"X-Amz-Target": f"{target}.{operation}", "Content-Type": "application/x-amz-json-1.1"}
        request = AWSRequest("POST", endpoint, headers=headers, data=body if isinstance(body, bytes) else json.dumps(body))
        SigV4Auth(credentials, service, REGION).add_auth(request)
        answer = pool.request("POST", endpoint, body=request.data, headers=dict(request.headers))
        return answer.status, json.loads(answer.data or b"{}")

    return call
