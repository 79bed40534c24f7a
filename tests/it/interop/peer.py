"""What others do with our tokens, and mint for us: flask-jwt-extended, PyJWT and joserfc.

`serve` is a Flask application that shares our key; its settings come as JSON in the first argument.
`verify`, `mint` and `names` read a question as JSON from standard input and answer on standard output.
A library's own refusal is an answer; anything else ends the program with an error.
"""

import base64
import json
import sys

import joserfc.errors
import jwt
from joserfc import jwk
from joserfc import jwt as joserfc_jwt


def serve(settings):
    from flask import Flask, jsonify, request
    from flask_jwt_extended import (
        JWTManager, create_access_token, create_refresh_token, get_jwt, get_jwt_identity, jwt_required,
        set_access_cookies, set_refresh_cookies)
    from werkzeug.serving import make_server

    app = Flask(__name__)
    blocklist = settings.pop("BLOCKLIST", None)
    app.config.update(JWT_TOKEN_LOCATION=["cookies"], **settings)
    jwt = JWTManager(app)
    if blocklist:
        # As flask-jwt-extended's documentation has it, under "Redis" of "JWT Revoking / Blocklist".
        import redis
        from datetime import timedelta
        ACCESS_EXPIRES = timedelta(hours=1)
        jwt_redis_blocklist = redis.StrictRedis(
            host="localhost", port=blocklist, db=0, decode_responses=True
        )

        @jwt.token_in_blocklist_loader
        def check_if_token_is_revoked(jwt_header, jwt_payload: dict):
            jti = jwt_payload["jti"]
            token_in_redis = jwt_redis_blocklist.get(jti)
            return token_in_redis is not None

        @app.route("/logout", methods=["DELETE"])
        @jwt_required()
        def logout():
            jti = get_jwt()["jti"]
            jwt_redis_blocklist.set(jti, "", ex=ACCESS_EXPIRES)
            return jsonify(msg="Access token revoked")

    @app.post("/login")
    def login():
        answer = jsonify(login=True)
        name = request.get_json()["username"]
        set_access_cookies(answer, create_access_token(name, fresh=True))
        set_refresh_cookies(answer, create_refresh_token(name))
        return answer

    @app.route("/protected", methods=["GET", "POST"])
    @jwt_required()
    def protected():
        return jsonify(logged_in_as=get_jwt_identity())

    @app.get("/fresh")
    @jwt_required(fresh=True)
    def fresh():
        return jsonify(logged_in_as=get_jwt_identity())

    @app.post("/refresh")
    @jwt_required(refresh=True)
    def refresh():
        answer = jsonify(refresh=True)
        set_access_cookies(answer, create_access_token(get_jwt_identity()))
        return answer

    server = make_server("127.0.0.1", 0, app, threaded=True)
    print(server.server_port, flush=True)
    server.serve_forever()


def verify(question):
    """Who each token is for, by library; nothing for one that is refused."""
    alg, secret, keys = question["alg"], question["secret"], question["keys"]

    def by_pyjwt(token):
        try:
            key = secret or jwt.PyJWKSet.from_dict(keys)[jwt.get_unverified_header(token)["kid"]]
            return jwt.decode(token, key, algorithms=[alg], options={"require": ["exp", "iat", "sub"]})["sub"]
        except (jwt.PyJWTError, KeyError):
            return None

    def by_joserfc(token):
        try:
            key = jwk.OctKey.import_key(secret) if secret else jwk.KeySet.import_key_set(keys)
            found = joserfc_jwt.decode(token, key, algorithms=[alg])
            joserfc_jwt.JWTClaimsRegistry().validate(found.claims)
            return found.claims["sub"]
        except (joserfc.errors.JoseError, ValueError):
            return None

    tokens = question["tokens"]
    return {
        name: {of: read(token) for of, token in tokens.items()}
        for name, read in [("PyJWT", by_pyjwt), ("joserfc", by_joserfc)]
    }


def mint(question):
    """Tokens of these claims: good ones by each library, and ones that must be refused."""
    alg, key, kid, claims = question["alg"], question["key"], question["kid"], question["claims"]
    is_secret = alg.startswith("HS")
    joserfc_key = jwk.import_key(key, {"EdDSA": "OKP", "ES": "EC", "RS": "RSA", "PS": "RSA", "HS": "oct"}[
        alg if alg == "EdDSA" else alg[:2]])

    def by_pyjwt(headers, alg=alg, key=key):
        return jwt.encode(claims, key, algorithm=alg, headers=headers)

    def by_joserfc(header):
        return joserfc_jwt.encode({"alg": alg} | header, claims, joserfc_key, algorithms=[alg])

    good = {
        "PyJWT": by_pyjwt({"kid": kid}),
        "PyJWT without kid": by_pyjwt({}),
        "joserfc": by_joserfc({"typ": "JWT", "kid": kid}),
        "joserfc without kid": by_joserfc({"typ": "JWT"}),
    }
    none = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).rstrip(b"=").decode()
    other = {"HS256": "HS512", "HS384": "HS256", "HS512": "HS256"}.get(alg, "HS256")
    other_key = key if is_secret else "the text of the public key " + kid * 4
    bad = {
        "PyJWT, another algorithm": by_pyjwt({"kid": kid}, other, other_key),
        "PyJWT, no algorithm": none + "." + good["PyJWT"].split(".")[1] + ".",
        "PyJWT, another typ": by_pyjwt({"kid": kid, "typ": "at+jwt"}),
        "PyJWT, crit": by_pyjwt({"kid": kid, "crit": ["zz"], "zz": 1}),
        "PyJWT, unknown kid": by_pyjwt({"kid": "0123456789abcdef"}),
        "joserfc, another typ": by_joserfc({"typ": "secevent+jwt", "kid": kid}),
        "joserfc, a key of its own": by_joserfc({"typ": "JWT", "kid": kid, "jku": "https://keys.example"}),
    }
    return {"good": good, "bad": bad}


def names(_):
    """Everything that flask-jwt-extended gives its users a name for."""
    import flask_jwt_extended
    from flask import Flask
    from flask_jwt_extended import JWTManager, exceptions

    app = Flask(__name__)
    JWTManager(app)
    public = [
        name for name in dir(flask_jwt_extended)
        if not name.startswith("_") and type(getattr(flask_jwt_extended, name)).__name__ != "module"
    ]
    return {
        "options": sorted(name for name in app.config if name.startswith("JWT_")),
        "functions": public,
        "callbacks": [name for name in dir(JWTManager) if name.endswith("_loader")],
        "exceptions": [name for name, value in vars(exceptions).items() if isinstance(value, type)],
    }


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(json.loads(sys.argv[2]))
    else:
        answer = {"verify": verify, "mint": mint, "names": names}[sys.argv[1]](json.load(sys.stdin))
        json.dump(answer, sys.stdout)
