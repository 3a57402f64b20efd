"""What pyHanko says of a signature, and signatures that pyHanko makes.

    pyhanko_judge.py verify SIGNED CONTENT|- ROOT [CRL ...]      prints JSON
    pyhanko_judge.py sign P12 PASSWORD-FILE CONTENT OUT attached|detached [TSA-URL]
"""

import asyncio
import json
import sys

from asn1crypto import cms, crl, pem, x509
from pyhanko.sign.signers import SimpleSigner
from pyhanko.sign.timestamps.aiohttp_client import HTTPTimeStamper
from pyhanko.sign.validation.generic_cms import async_validate_detached_cms
from pyhanko_certvalidator import ValidationContext


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    return pem.unarmor(data)[2] if pem.detect(data) else data


async def verify(signed, content, root, *crls):
    info = cms.ContentInfo.load(read(signed), strict=True)
    data = info["content"]
    if content == "-":
        # Only its detached check looks at marks: the content is taken out for it.
        subject = data["encap_content_info"]["content"].native
        data["encap_content_info"] = {"content_type": "data"}
    else:
        with open(content, "rb") as file:
            subject = file.read()
    context = ValidationContext(
        trust_roots=[x509.Certificate.load(read(root))],
        crls=[crl.CertificateList.load(read(path)) for path in crls],
        revocation_mode="require" if crls else "soft-fail",
    )
    status = await async_validate_detached_cms(
        subject, data, signer_validation_context=context, ts_validation_context=context
    )
    mark = status.timestamp_validity
    return {
        "valid": status.valid,
        "intact": status.intact,
        "trusted": status.trusted,
        "mechanism": status.pkcs7_signature_mechanism,
        "digest": status.md_algorithm,
        "mark": None if mark is None else {"valid": mark.valid, "trusted": mark.trusted},
    }


async def sign(p12, password, content, out, form, tsa=None):
    with open(password, "rb") as file:
        signer = SimpleSigner.load_pkcs12(p12, passphrase=file.read().strip())
    with open(content, "rb") as file:
        data = file.read()
    info = await signer.async_sign_general_data(
        data,
        "sha256",
        detached=form == "detached",
        use_cades=True,
        timestamper=HTTPTimeStamper(tsa) if tsa else None,
    )
    with open(out, "wb") as file:
        file.write(info.dump())
    return {"written": out}


if __name__ == "__main__":
    verb = {"verify": verify, "sign": sign}[sys.argv[1]]
    print(json.dumps(asyncio.run(verb(*sys.argv[2:]))))
